/** Against a real XMPP server. */
import { xmpp } from '@nightshift/channels/xmpp';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { type Element, xml } from '@xmpp/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../support/faults/index.ts';
import { describeWith } from '../../support/programs.ts';
import {
  type Bot,
  connectBot,
  joinXmpp,
  type Person,
  type Prosody,
  password,
  startProsody,
} from '../../support/xmpp/index.ts';

const waitMs = 20_000;
const room = 'team@rooms.localhost';
const inRoom = { to: room, type: 'groupchat' };
const alone = { to: 'ann@localhost', type: 'chat' };

let server: Prosody;
const leaving: (() => Promise<void>)[] = [];

async function connect(...options: [settings?: object, credentials?: { password: string }]): Promise<Bot> {
  const bot = await connectBot(server.port, ...options);
  leaving.push(bot.leave);
  return bot;
}

async function person(name: string, options?: Parameters<typeof joinXmpp>[2]): Promise<Person> {
  const joined = await joinXmpp(server.port, name, options);
  leaving.push(joined.close);
  return joined;
}

const untilSaid = (bot: Bot, text: string) =>
  until(`it hears ${text}`, () => bot.said().some((event) => event.text === text), waitMs);

describeWith('prosody', 'on prosody', () => {
  beforeEach(async () => {
    server = await startProsody(['ann', 'bob', 'nightbot', 'other']);
  });
  afterEach(async () => {
    for (const leave of leaving.splice(0).reverse()) await leave();
    await server.stop();
  });

  it('hears who speaks to it, and says that it has', async () => {
    const ann = await person('ann');
    const bot = await connect();
    await ann.say('nightbot@localhost', 'Grüße 👋 <b>&amp;</b>', {
      id: 'm1',
      children: [xml('request', { xmlns: 'urn:xmpp:receipts' })],
    });
    await untilSaid(bot, 'Grüße 👋 <b>&amp;</b>');
    expect(bot.said()).toMatchObject([
      {
        thread: { to: 'ann@localhost', type: 'chat', messageId: 'm1' },
        threadKey: 'ann@localhost',
        direct: true,
        sender: { id: 'ann@localhost', isBot: false, isSelf: false },
        messageId: 'ann@localhost m1',
      },
    ]);
    const receipt = () => ann.messages.find((message) => message.getChild('received', 'urn:xmpp:receipts'));
    await until('she has a receipt', () => receipt() !== undefined, waitMs);
    expect(receipt()!.getChild('received')!.attrs.id).toBe('m1');

    await ann.say('nightbot@localhost', 'Greetings', {
      id: 'm2',
      children: [xml('replace', { xmlns: 'urn:xmpp:message-correct:0', id: 'm1' })],
    });
    await ann.say('nightbot@localhost', 'I sent you an OMEMO encrypted message', {
      children: [xml('encrypted', { xmlns: 'eu.siacs.conversations.axolotl' })],
    });
    await ann.say('nightbot@localhost', 'https://files.example/a%20cat.jpg', {
      children: [xml('x', { xmlns: 'jabber:x:oob' }, xml('url', {}, 'https://files.example/a%20cat.jpg'))],
    });
    await ann.client.send(
      xml(
        'message',
        { to: 'nightbot@localhost', type: 'chat' },
        xml('composing', { xmlns: 'http://jabber.org/protocol/chatstates' }),
      ),
    );
    await ann.say('nightbot@localhost', 'last');
    await untilSaid(bot, 'last');
    expect(bot.events.slice(1)).toMatchObject([
      { type: 'edited', messageId: 'ann@localhost m1', text: 'Greetings' },
      { type: 'message', text: '', unsupported: ['encrypted message'] },
      {
        type: 'message',
        text: '',
        attachments: [{ name: 'a cat.jpg', source: { url: 'https://files.example/a%20cat.jpg' } }],
      },
      { type: 'message', text: 'last' },
    ]);
  });

  it('speaks, corrects, types and reacts', async () => {
    const ann = await person('ann');
    const bot = await connect();
    await bot.typing(alone);
    const sent = await bot.send('First', alone);
    await bot.edit('Second', sent, alone);
    await bot.edit('Third <&> \u0007\n👩‍👩‍👧‍👦', sent, alone);
    await bot.edit('Third <&> \u0007\n👩‍👩‍👧‍👦', sent, alone);
    await bot.react('👍', { ...alone, messageId: 'm1' });
    await ann.sync();
    expect(ann.shown('nightbot@localhost')).toEqual(['Third <&> \n👩‍👩‍👧‍👦']);
    const [first] = ann.messages;
    expect(first!.getChild('composing')).toBeDefined();
    expect(first!.getChild('body')).toBeUndefined();
    const reactions = ann.messages.at(-1)!.getChild('reactions', 'urn:xmpp:reactions:0')!;
    expect([reactions.attrs.id, reactions.getChildText('reaction')]).toEqual(['m1', '👍']);
  });

  it('takes part in a room: only what is new, and not itself', async () => {
    const ann = await person('ann', { rooms: [room] });
    await ann.say(room, 'long ago', { type: 'groupchat' });
    await ann.sync();
    const bot = await connect({ rooms: room });
    await ann.say(room, 'hello everybody', { type: 'groupchat' });
    await ann.say(room, 'Nightbot: what now?', { type: 'groupchat', id: 'q1' });
    await ann.say(room, 'the nightbots', { type: 'groupchat' });
    const sent = await bot.send('I know', inRoom);
    await bot.edit('I know it', sent, inRoom);
    await ann.say(`${room}/nightbot`, 'between us', { type: 'chat' });
    await untilSaid(bot, 'between us');
    const others = bot.said().filter(({ sender }) => !sender.isSelf);
    expect(others.map(({ text, addressed, direct, group }) => [text, addressed, direct, group])).toEqual([
      ['hello everybody', false, false, room],
      ['what now?', true, false, room],
      ['the nightbots', false, false, room],
      ['between us', true, true, null],
    ]);
    expect(others[1]).toMatchObject({
      threadKey: room,
      thread: inRoom,
      sender: { name: 'ann', isSelf: false },
    });
    const own = bot.said().filter(({ sender }) => sender.isSelf);
    expect(own.map(({ text }) => text)).toEqual(['I know']);
    await bot.send('only for you', { to: `${room}/ann`, type: 'chat' });
    await ann.sync();
    expect(ann.shown(`${room}/nightbot`)).toEqual(['I know it', 'only for you']);
  });

  it('knows an occupant by what the room stamps, whoever has the nick, and whatever is written there', async () => {
    const ann = await person('ann', { rooms: [room], nick: 'Ann' });
    const bot = await connect({ rooms: room });
    const say = (who: Person, text: string, ...children: Element[]) =>
      who.say(room, text, { type: 'groupchat', children });
    await say(ann, 'it is me');
    await untilSaid(bot, 'it is me');
    const sender = (text: string) => bot.said().find((event) => event.text === text)!.sender;
    const known = sender('it is me');
    expect(known).toMatchObject({ identity: 'account', name: 'Ann' });
    await ann.close();
    const bob = await person('bob', { rooms: [room], nick: 'Ann' });
    const forged = xml('occupant-id', { xmlns: 'urn:xmpp:occupant-id:0', id: known.id.split('#')[1] });
    await say(bob, 'believe me', forged);
    await untilSaid(bot, 'believe me');
    expect(sender('believe me')).toMatchObject({ name: 'Ann', identity: 'account' });
    expect(sender('believe me').id).not.toBe(known.id);
  });

  it('finds out who is a program, in a room and elsewhere', async () => {
    const ann = await person('ann', { rooms: [room] });
    const bot = await connect({ rooms: room });
    const other = await connect({ address: 'other@localhost', rooms: room });
    await until(
      'it is known in the room',
      async () => {
        const before = bot.said().length;
        await other.send('Hello', inRoom);
        await until('it is heard', () => bot.said().length > before, waitMs);
        return bot.said().at(-1)!.sender.isBot;
      },
      waitMs,
    );
    await until(
      'it is known elsewhere',
      async () => {
        const before = bot.said().length;
        await other.send('Hello', { to: 'nightbot@localhost', type: 'chat' });
        await until('it is heard', () => bot.said().length > before, waitMs);
        return bot.said().at(-1)!.sender.isBot;
      },
      waitMs,
    );
    await ann.say(room, 'a person', { type: 'groupchat' });
    await untilSaid(bot, 'a person');
    expect(bot.said().at(-1)!.sender.isBot).toBe(false);
  });

  it('hears once what was said while it was away', async () => {
    const ann = await person('ann');
    await ann.say('nightbot@localhost', 'are you there?', { id: 'away' });
    await ann.sync();
    const bot = await connect();
    await untilSaid(bot, 'are you there?');
    await bot.leave();
    const again = await connect();
    await ann.say('nightbot@localhost', 'now?');
    await untilSaid(again, 'now?');
    expect(again.said().map(({ text }) => text)).toEqual(['now?']);
  });

  it('names a message the same whenever it comes', async () => {
    const ann = await person('ann');
    const bot = await connect();
    for (const _twice of [1, 2]) await ann.say('nightbot@localhost', 'again', { id: 'same' });
    await ann.say('nightbot@localhost', 'end');
    await untilSaid(bot, 'end');
    const [one, two] = bot.said();
    expect(one!.externalId).toBe(two!.externalId);
  });

  it('sends a part as long as its limit, and much', async () => {
    const ann = await person('ann');
    const bot = await connect();
    const text = '👩‍👩‍👧‍👦שלום é̂'.repeat(400);
    const part = Buffer.from(text)
      .subarray(0, xmpp.capabilities.limit.max)
      .toString('utf8')
      .replace(/\ufffd$/, '');
    for (let count = 0; count < 8; count += 1) await bot.send(part, alone);
    await ann.sync();
    expect(ann.shown('nightbot@localhost')).toEqual(Array(8).fill(part));
  });

  it('says why something cannot be said', async () => {
    const bot = await connect({ rooms: room });
    await expect(bot.send('Hello', { to: 'nobody@localhost', type: 'chat' })).rejects.toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('there is no such address'),
    });
    await expect(bot.send('Hello', { to: 'else@rooms.localhost', type: 'groupchat' })).rejects.toMatchObject({
      kind: 'rejected',
    });
    for (const to of ['', 'ann', 'ann@localhost\n', '<x>@y z'])
      await expect(bot.send('Hello', { to, type: 'chat' })).rejects.toMatchObject({ kind: 'rejected' });
    await bot.send('Hello', alone);
  });

  it('comes back into a room once, and says afterwards that it was sent out', async () => {
    const ann = await person('ann', { rooms: [room] });
    const kick = () =>
      ann.client.iqCaller.request(
        xml(
          'iq',
          { type: 'set', to: room },
          xml(
            'query',
            { xmlns: 'http://jabber.org/protocol/muc#admin' },
            xml('item', { nick: 'nightbot', role: 'none' }, xml('reason', {}, 'enough')),
          ),
        ),
      );
    const joins: Element[] = [];
    ann.client.on('stanza', (stanza: Element) => {
      if (stanza.name === 'presence' && stanza.attrs.from === `${room}/nightbot` && !stanza.attrs.type)
        joins.push(stanza);
    });
    const bot = await connect({ rooms: room });
    await until('it is there', () => joins.length === 1, waitMs);
    await kick();
    await until('it is back', () => joins.length === 2, waitMs);
    // The others may be told of it first.
    const isSent = () =>
      bot.send('back', inRoom).then(
        () => true,
        () => false,
      );
    await until('it speaks again', isSent, waitMs);
    await kick();
    await until(
      'it knows',
      async () => (await bot.send('x', inRoom).catch((error) => error.message)).includes?.('"enough"'),
      waitMs,
    );
  });

  it('accepts contacts, or not, as it is set', async () => {
    const ann = await person('ann');
    const answers: string[] = [];
    ann.client.on('stanza', ({ name, attrs }: Element) => {
      // Who is a contact tells when they are there.
      if (name === 'presence' && !attrs.type && !attrs.from!.startsWith('ann')) answers.push(attrs.from!);
    });
    await connect();
    await connect({ address: 'other@localhost', contacts: 'ignore' });
    await ann.client.send(xml('presence', { type: 'subscribe', to: 'other@localhost' }));
    await ann.client.send(xml('presence', { type: 'subscribe', to: 'nightbot@localhost' }));
    await until('it accepts', () => answers.length > 0, waitMs);
    expect(answers).toEqual(['nightbot@localhost/nightshift']);
  });

  it('needs attention when its password is wrong, and does not say it', async () => {
    await expect(connect({}, { password: 'hunter2-hunter2' })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.not.stringContaining('hunter2'),
    });
    await expect(connect({ address: 'nightbot@elsewhere.example' })).rejects.toMatchObject({ kind: 'auth' });
  });

  it('gives its password to no server without encryption, unless it is told to', async () => {
    await expect(connect({ encryption: 'starttls' })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('no encryption'),
    });
  });

  it('ends when the server does, and goes on when it is back', async () => {
    const bot = await connect();
    await server.kill();
    expect(await bot.ended).toMatchObject({ kind: 'retry' });
    await expect(bot.send('Hello', alone)).rejects.toMatchObject({ kind: 'retry' });
    await expect(connect()).rejects.toMatchObject({ kind: 'retry' });
    await server.start();
    await connect();
  });

  it('is tested beside the connection that stands', async () => {
    const bot = await connect();
    const settings = xmpp.settings.parse({
      address: 'nightbot@localhost',
      host: '127.0.0.1',
      port: server.port,
      encryption: 'none',
    });
    const connection = { credentials: { password }, settings, account: null };
    const guarded = createGuardedFetch({ allow: ['127.0.0.1'] });
    const context = { ...guarded, signal: AbortSignal.timeout(10_000), hookUrl: '' };
    expect(await xmpp.probe(connection, context)).toEqual({
      account: { id: 'nightbot@localhost', name: 'nightbot@localhost' },
      problems: [],
    });
    await bot.send('still there', alone);
    const closed = { ...createGuardedFetch({ allow: [] }), signal: AbortSignal.timeout(10_000), hookUrl: '' };
    await expect(xmpp.probe(connection, closed)).rejects.toMatchObject({ kind: 'rejected' });
  });
});
