/** What needs our name, which the conformance kit's connection does not have yet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageEvent } from '../channel.ts';
import { endsInAlbum, joinAlbums } from './albums.ts';
import { toEvent } from './parse.ts';

const me = { id: '123456', mention: '@nightshift_bot' };
const us = { id: 123456, is_bot: true, first_name: 'Nightshift' };
const ann = { id: 4711, is_bot: false, first_name: 'Ann' };
const ben = { id: 4712, is_bot: false, first_name: 'Ben' };
const sales = { id: -100200300, title: 'Sales', type: 'supergroup' };

/** Where `part` stands in `text`, as Telegram says it. */
const entity = (type: string, text: string, part: string, more: object = {}) => ({
  ...{ type, offset: text.indexOf(part), length: part.length },
  ...more,
});

const read = (message: object) =>
  toEvent(
    { update_id: 1, message: { message_id: 5, from: ann, chat: sales, date: 1, ...message } },
    me,
  ) as MessageEvent;

describe('a message in a group', () => {
  it.each([
    ['@nightshift_bot why?', 'mention', '@nightshift_bot', true, 'why?'],
    ['@NightShift_Bot: why?', 'mention', '@NightShift_Bot', true, 'why?'],
    [
      '👨‍👩‍👧 so @nightshift_bot, why?',
      'mention',
      '@nightshift_bot',
      true,
      '👨‍👩‍👧 so @nightshift_bot, why?',
    ],
    ['@nightshift_bot', 'mention', '@nightshift_bot', true, '@nightshift_bot'],
    ['@nightshift_bot2 why?', 'mention', '@nightshift_bot2', false, '@nightshift_bot2 why?'],
    ['/new@nightshift_bot now', 'bot_command', '/new@nightshift_bot', true, '/new now'],
    ['/new@other_bot now', 'bot_command', '/new@other_bot', false, '/new@other_bot now'],
    ['/new now', 'bot_command', '/new', false, '/new now'],
    // The words alone are no mention: in code, Telegram makes none of them.
    ['run @nightshift_bot', 'code', '@nightshift_bot', false, 'run @nightshift_bot'],
  ])('"%s" with a %s', (text, type, part, addressed, readable) => {
    expect(read({ text, entities: [entity(type, text, part)] })).toMatchObject({ addressed, text: readable });
  });

  it('with a mention before a command is the command', () => {
    const text = '@nightshift_bot /status';
    const entities = [entity('mention', text, '@nightshift_bot'), entity('bot_command', text, '/status')];
    expect(read({ text, entities })).toMatchObject({ addressed: true, text: '/status' });
  });

  it('that answers to us and commands another bot is for that one', () => {
    const text = '/new@other_bot';
    const reply_to_message = { message_id: 4, from: us, chat: sales, date: 1, text: 'Hello' };
    const message = { text, reply_to_message, entities: [entity('bot_command', text, text)] };
    expect(read(message)).toMatchObject({ addressed: false });
  });

  it('mentions us in the caption of a file', () => {
    const caption = '@nightshift_bot what is this?';
    const caption_entities = [entity('mention', caption, '@nightshift_bot')];
    const document = { file_id: 'd', file_unique_id: 'd', file_name: 'a.pdf' };
    expect(read({ caption, caption_entities, document })).toMatchObject({
      addressed: true,
      text: 'what is this?',
      attachments: [{ name: 'a.pdf', mediaType: 'application/octet-stream' }],
    });
  });
});

describe('what is read along', () => {
  it('shows where a link goes', () => {
    const text = '👋 see here and there';
    const entities = [
      entity('text_link', text, 'here', { url: 'https://a.example/' }),
      entity('text_link', text, 'there', { url: 'https://b.example/' }),
    ];
    expect(read({ text, entities }).text).toBe(
      '👋 see here (https://a.example/) and there (https://b.example/)',
    );
  });

  const replied = (from: object, more: object = {}) => ({
    reply_to_message: { message_id: 4, from, chat: sales, date: 1, text: 'First\nsecond', ...more },
  });

  it('brings what somebody else said apart, with the files', () => {
    const photo = [{ file_id: 'p', file_unique_id: 'p' }];
    expect(read({ text: 'Is that so?', ...replied(ben, { photo }) })).toMatchObject({
      text: 'Is that so?',
      quoted: {
        messageId: '-100200300:4',
        author: { name: 'Ben', isSelf: false },
        text: 'First\nsecond',
      },
      attachments: [{ source: { file_id: 'p' } }],
    });
  });

  it('brings the part that was chosen of a message, ours too', () => {
    const us_ = { name: 'Nightshift', isSelf: true };
    expect(read({ text: 'Why?', ...replied(us) }).quoted).toMatchObject({
      author: us_,
      text: 'First\nsecond',
    });
    const quote = { text: 'second', position: 6, is_manual: true };
    expect(read({ text: 'Why?', ...replied(us), quote })).toMatchObject({
      text: 'Why?',
      quoted: { author: us_, text: 'second' },
    });
  });

  it('takes what a chat says for nobody in particular', () => {
    const news = { id: -1, type: 'channel', title: 'News' };
    expect(read({ text: 'Why?', ...replied(us, { sender_chat: news }) }).quoted?.author).toEqual({
      name: 'News',
      isSelf: false,
    });
  });

  it('keeps all of a long message that is answered, below the words', () => {
    const long = `${'word '.repeat(300)}\nthe end`;
    const { text, quoted } = read({ text: 'Sum it up', ...replied(ben, { text: long }) });
    expect(quoted!.text.length).toBe(500);
    expect(text).toMatch(/^Sum it up\n\nBen wrote:\n> word word[^\n]*\n> the end$/);
    expect(read({ text: '/new', ...replied(ben, { text: long }) }).text).toBe('/new');
    // The conversation has it.
    expect(read({ text: 'Sum it up', ...replied(us, { text: long }) }).text).toBe('Sum it up');
  });

  it('says when others are mentioned, and only then', () => {
    const text = '@ben and @nightshift_bot';
    const us_ = entity('mention', text, '@nightshift_bot');
    expect(read({ text, entities: [us_] }).mentionsOthers).toBeUndefined();
    expect(read({ text, entities: [us_, entity('mention', text, '@ben')] }).mentionsOthers).toBe(true);
    const named = entity('text_mention', text, 'ben', { user: ben });
    expect(read({ text, entities: [named] }).mentionsOthers).toBe(true);
    expect(read({ text, entities: [entity('code', text, '@ben')] }).mentionsOthers).toBeUndefined();
  });

  it('never loses the words to what stands beside them, however that looks', () => {
    const fields = ['reply_to_message', 'external_reply', 'quote', 'forward_origin', 'rich_message', 'story'];
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 4 }), (field, value) => {
        expect(read({ text: 'Still here', [field]: value })).toMatchObject({
          type: 'message',
          text: 'Still here',
        });
      }),
    );
  });

  it('leaves a command as it is', () => {
    const entities = [{ type: 'bot_command', offset: 0, length: 4 }];
    expect(read({ text: '/new', entities, ...replied(ben) }).text).toBe('/new');
  });
});

describe('an album', () => {
  const picture = (id: number, more: object = {}) =>
    read({
      message_id: id,
      media_group_id: 'g',
      photo: [{ file_id: `${id}`, file_unique_id: `${id}` }],
      ...more,
    });
  const text = (id: number) => read({ message_id: id, text: 'x' });

  it('is one message with all its files, its words and its mention', () => {
    const caption = '@nightshift_bot which?';
    const spoken = { caption, caption_entities: [entity('mention', caption, '@nightshift_bot')] };
    const events = [text(1), picture(2), picture(3, spoken), picture(4), text(5)];
    const joined = joinAlbums(events) as MessageEvent[];
    expect(joined.map(({ messageId }) => messageId)).toEqual([
      '-100200300:1',
      '-100200300:3',
      '-100200300:5',
    ]);
    expect(joined[1]).toMatchObject({ externalId: 'message:-100200300:2', addressed: true, text: 'which?' });
    expect(joined[1]!.attachments!.map(({ source }) => source.file_id)).toEqual(['2', '3', '4']);
  });

  it('is not joined with another one, nor with one elsewhere', () => {
    const elsewhere = picture(4, { chat: { id: -1, type: 'group' } });
    expect(joinAlbums([picture(2), picture(3, { media_group_id: 'h' }), elsewhere])).toHaveLength(3);
  });

  it('may go on after the end', () => {
    expect(endsInAlbum([])).toBe(false);
    expect(endsInAlbum([picture(1), text(2)])).toBe(false);
    expect(endsInAlbum([text(1), picture(2)])).toBe(true);
  });
});
