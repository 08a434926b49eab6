import { expect, it } from 'vitest';
import { superlinearGrowth } from '../../../test/support/growth/measure.ts';
import { Message as DiscordMessage } from './discord/payload.ts';
import { toText as fromDiscord } from './discord/text.ts';
import { inboundMarks, inboundText, maxInboundText } from './inbound-text.ts';
import { plainText } from './irc/lines.ts';
import { readMention } from './mention.ts';
import { toText as fromSlack, mentions, withoutSalutation } from './slack/text.ts';
import { readableText } from './telegram/text.ts';
import { type Message as TelegramMessage, Update } from './telegram/updates.ts';

it('cuts a text to what a message keeps, and one more', () => {
  expect(inboundText.parse('ab'.repeat(maxInboundText))).toHaveLength(maxInboundText);
  expect(inboundText.parse('ab')).toBe('ab');
});

it('reads the first marks alone: the rest are not even looked at', () => {
  const marks = [...Array.from({ length: 200 }, () => 'm'), { not: 'a mark' }];
  expect(inboundMarks(inboundText).parse(marks)).toHaveLength(200);
  expect(inboundMarks(inboundText).safeParse('mark').success).toBe(false);
});

it('is what platforms are read with', () => {
  const long = 'a'.repeat(3 * maxInboundText);
  const message = { message_id: 1, chat: { id: 1, type: 'private' }, text: long };
  expect(Update.parse({ update_id: 1, message }).message?.text).toHaveLength(maxInboundText);
  const discord = { id: '1', channel_id: '2', type: 0, author: { id: '3', username: 'ann' }, content: long };
  expect(DiscordMessage.parse(discord).content).toHaveLength(maxInboundText);
});

const marked = (length: number): TelegramMessage => ({
  message_id: 1,
  chat: { id: 1, type: 'group' },
  text: '@bot '.repeat(length / 5),
  entities: Array.from({ length: 200 }, (_, index) => ({ type: 'mention', offset: index * 5, length: 4 })),
});

it.each([
  '<@U1>',
  '<@U1|',
  '<',
  ' ',
  '&lt;',
  '&',
  '@bot',
  'bot',
  'bot:',
  '\x03',
  '\x0312,',
  '<:a',
  '<@1',
  '日',
  '\n',
  '.',
])('reading a message takes time with the text: %j again and again', (pump) => {
  const text = (length: number) => pump.repeat(length / pump.length);
  const read = (some: string) => {
    fromSlack(some);
    mentions(some, new Set(['U2']));
    withoutSalutation(some, new Set(['U1']));
    fromDiscord({ content: some, mentions: null }, { id: '1', roleId: null });
    plainText(some);
    readMention(some, 'bot', (name) => name.toLowerCase());
    readMention(`x${some}x`, pump, (name) => name.toLowerCase());
  };
  expect(superlinearGrowth(text, read)).toBeNull();
});

it('reading a text with many marks takes time with the text', () => {
  const work = (message: TelegramMessage) => readableText(message, { id: '1', mention: '@bot' });
  expect(superlinearGrowth(marked, work)).toBeNull();
});
