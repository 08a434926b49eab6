import { type Child, xml } from '@xmpp/client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeEvents, expectWellFormed } from '../../../../test/support/channel/event-examples.ts';
import { ns } from './connection.ts';
import { toEvent } from './events.ts';

const room = 'team@rooms.example';
const addresses: Record<string, string> = { [`${room}/Ann`]: 'ann@example.org' };
const stamping = new Set([room]);
const bots = new Set<string>();
const around = {
  address: 'bot@example.org',
  rooms: {
    has: (name: string) => name === room,
    nickIn: () => 'Nightbot',
    realAddress: (occupant: string) => addresses[occupant],
    stampsOccupants: (name: string) => stamping.has(name),
    title: (name: string) => (name === room ? 'The Team' : null),
  },
  bots: { has: (address: string) => bots.has(address) },
};

const message = (attributes: Record<string, string>, text: string | null, ...more: Child[]) =>
  toEvent(
    xml(
      'message',
      { from: 'Ann@example.org/phone', to: around.address, type: 'chat', ...attributes },
      text !== null && xml('body', {}, text),
      ...more,
    ),
    around,
  );
const inRoom = (text: string | null, ...more: Child[]) =>
  message({ from: `${room}/Ann`, type: 'groupchat', id: 'g1' }, text, ...more);
const stanzaId = (by: string, id: string) => xml('stanza-id', { xmlns: ns.stanzaId, by, id });

it('believes an id only of who may give it', () => {
  const ids = [
    message({ id: 'm' }, 'x', stanzaId('bot@example.org', 's1')),
    message({ id: 'm' }, 'x', stanzaId('evil@example.org', 's1')),
    message({ id: 'm' }, 'x'),
    message({ id: 'm', from: 'bob@example.org/phone' }, 'x'),
    inRoom('x', stanzaId(room, 's1')),
    inRoom('x', stanzaId('bot@example.org', 's1')),
  ].map((event) => event!.externalId);
  expect(ids[0]).toBe('stanza:bot@example.org s1');
  expect(ids[1]).toBe(ids[2]);
  expect(ids[4]).toBe(`stanza:${room} s1`);
  expect(new Set(ids).size).toBe(5);
  expect(message({}, 'x')!.externalId).not.toBe(message({}, 'x')!.externalId);
});

it.each([
  ['carbons of what was said elsewhere', [xml('received', { xmlns: ns.carbons })], {}, 'carbon'],
  [
    'what a room played again',
    [xml('delay', { xmlns: ns.delay })],
    { from: `${room}/Ann`, type: 'groupchat' },
    'history of a room',
  ],
  [
    'what a room played again, as it says',
    [xml('delay', { xmlns: ns.delay, from: room, stamp: '2026-11-30T12:00:00Z' })],
    { from: `${room}/Ann`, type: 'groupchat' },
    'history of a room',
  ],
  [
    'what a service of rooms played again in the old way',
    [xml('x', { xmlns: ns.delayed, from: 'Rooms.example', stamp: '20261130T12:00:00' })],
    { from: `${room}/Ann`, type: 'groupchat' },
    'history of a room',
  ],
  ['what a room itself says', [], { from: room, type: 'groupchat' }, 'message of a room itself'],
])('ignores %s', (_name, more, attributes, what) => {
  expect(message(attributes, 'text', ...more)).toMatchObject({ type: 'ignored', what });
});

it('takes errors, headlines, chat states and subjects for nothing', () => {
  expect(message({ type: 'error' }, 'x')).toBeNull();
  expect(message({ type: 'headline' }, 'x')).toBeNull();
  expect(message({}, null, xml('composing', { xmlns: ns.chatStates }))).toBeNull();
  expect(message({ from: `${room}/Ann`, type: 'groupchat' }, null, xml('subject', {}, 'Plans'))).toBeNull();
  expect(toEvent(xml('presence', { from: 'ann@example.org' }), around)).toBeNull();
});

describe('what its events say beside their text', () => {
  const reply = xml('reply', { xmlns: ns.reply, to: `${room}/Bob`, id: 's1' });
  const quoting = xml(
    'fallback',
    { xmlns: ns.fallback, for: ns.reply },
    xml('body', { start: '0', end: '6' }),
  );
  const forwarded = xml(
    'forwarded',
    { xmlns: ns.forward },
    xml('message', { from: 'bob@example.org/phone' }, xml('body', {}, 'Wire 500 EUR.')),
  );
  describeEvents(() => ({
    direct: message({}, 'Hello')!,
    room: inRoom('Hello')!,
    quote: inRoom('> Hi👋\nWhy?', reply, quoting)!,
    forward: message({}, null, forwarded)!,
    unreadable: message({}, 'I sent you an encrypted message', xml('encrypted', { xmlns: ns.omemo }))!,
    mentionOfOthers: inRoom(
      'Bob, look',
      xml('reference', { xmlns: ns.reference, type: 'mention', uri: 'xmpp:bob@example.org' }),
    )!,
  }));

  it('reads what is answered, and by whom that is', () => {
    expect(inRoom('> Hi👋\nWhy?', reply, quoting)).toMatchObject({
      text: 'Why?',
      where: { kind: 'channel', name: 'The Team' },
      quoted: { messageId: `${room}/Bob s1`, author: { name: 'Bob', isSelf: false }, text: 'Hi👋' },
    });
    const ours = xml('reply', { xmlns: ns.reply, to: `${room}/Nightbot`, id: 's2' });
    expect(inRoom('Why?', ours)).toMatchObject({
      addressed: true,
      quoted: { author: { isSelf: true }, text: '' },
    });
    const direct = xml('reply', { xmlns: ns.reply, to: 'bot@example.org/x', id: 'm1' });
    expect(message({}, 'Why?', direct)).toMatchObject({
      where: { kind: 'direct' },
      quoted: { messageId: 'bot@example.org m1', author: { isSelf: true } },
    });
  });

  it('marks what is passed on, and keeps it apart from words about it', () => {
    expect(message({}, null, forwarded)).toMatchObject({
      text: 'Wire 500 EUR.',
      forwarded: { from: 'bob@example.org' },
    });
    expect(message({}, 'is that so?', forwarded)).toMatchObject({
      text: 'is that so?',
      quoted: { author: { name: 'bob@example.org', isSelf: false }, text: 'Wire 500 EUR.' },
    });
  });

  it('takes reactions and other fallbacks that it knows for no words', () => {
    const whole = (xmlns: string) => xml('fallback', { xmlns: ns.fallback, for: xmlns });
    const reactions = xml('reactions', { xmlns: ns.reactions, id: 'm1' }, xml('reaction', {}, '👍'));
    expect(message({}, '👍', reactions, whole(ns.reactions))).toBeNull();
    expect(
      inRoom('took it back', xml('retract', { xmlns: ns.retract, id: 's1' }), whole(ns.retract)),
    ).toBeNull();
    // What else stands in the body stands nowhere that is read.
    expect(message({}, 'https://up.example/1', whole('urn:xmpp:sfs:0'))).toMatchObject({
      text: 'https://up.example/1',
    });
  });

  it('never fails over ranges, however they are', () => {
    const range = fc.oneof(fc.integer().map(String), fc.string(), fc.constant(undefined));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), range, range, (text, start, end) => {
        const fallback = xml('fallback', { xmlns: ns.fallback, for: ns.reply }, xml('body', { start, end }));
        const event = inRoom(text, reply, fallback);
        if (event) expectWellFormed(event);
      }),
    );
  });
});

it.each([
  ['OMEMO', xml('encrypted', { xmlns: ns.omemo }, xml('payload', {}, 'x'))],
  ['OMEMO, newer', xml('encrypted', { xmlns: ns.omemo2 }, xml('payload', {}, 'x'))],
  ['OMEMO, between', xml('encrypted', { xmlns: ns.omemo1 }, xml('payload', {}, 'x'))],
  ['whatever says that it is', xml('encryption', { xmlns: ns.encryption, namespace: 'urn:x' })],
  ['OpenPGP', xml('openpgp', { xmlns: ns.openpgp }, 'x')],
  ['OpenPGP, older', xml('x', { xmlns: ns.oldPgp }, 'x')],
])('takes nothing for words that is encrypted: %s', (_name, sealed) => {
  const oob = xml('x', { xmlns: ns.oob }, xml('url', {}, 'https://up.example/x'));
  const corrects = xml('replace', { xmlns: ns.correct, id: 'm0' });
  for (const text of [null, 'You received an encrypted message'])
    for (const more of [[], [oob], [corrects]])
      for (const event of [message({}, text, sealed, ...more), inRoom(text, sealed, ...more)])
        expect(event).toMatchObject({
          type: 'message',
          text: '',
          attachments: [],
          unsupported: ['encrypted message'],
        });
});

it('takes OTR for no words, but words about it', () => {
  for (const text of ['?OTRv23?\nAnn has asked for privacy', ' ?OTR:AAMC…', '?OTR,1,2,x,'])
    expect(message({}, text)).toMatchObject({ text: '', unsupported: ['encrypted message'] });
  expect(message({}, 'what is ?OTR')).toMatchObject({ text: 'what is ?OTR' });
});

it('passes over keys that programs send each other', () => {
  const keys = xml('encrypted', { xmlns: ns.omemo }, xml('header', { sid: '1' }));
  expect(message({}, null, keys)).toMatchObject({ type: 'ignored', what: 'keys for encryption' });
});

it('tells that somebody called', () => {
  expect(message({}, null, xml('propose', { xmlns: ns.call, id: 'c1' }))).toMatchObject({
    type: 'message',
    text: '',
    unsupported: ['call'],
  });
});

it.each([
  ['in the name of who writes', { from: 'Ann@example.org/phone', stamp: '2026-11-30T12:00:00Z' }],
  ['in the name of an occupant', { from: `${room}/Ann`, stamp: '2026-11-30T12:00:00Z' }],
  ['in nobody\u2019s name', { stamp: '2026-11-30T12:00:00Z' }],
])('takes a live message in a room for one, though a program has stamped it %s', (_name, attributes) => {
  expect(inRoom('Hello', xml('delay', { xmlns: ns.delay, ...attributes }))).toMatchObject({
    type: 'message',
    text: 'Hello',
  });
});

it('answers what its server kept, and what a program stamped, alike', () => {
  for (const from of ['example.org', 'Ann@example.org/phone', room])
    expect(message({ id: 'm' }, 'x', xml('delay', { xmlns: ns.delay, from }))).toMatchObject({ text: 'x' });
});

it('hears what was kept for us', () => {
  expect(message({ id: 'm' }, 'while you were away', xml('delay', { xmlns: ns.delay }))).toMatchObject({
    type: 'message',
    text: 'while you were away',
    sender: { id: 'ann@example.org' },
  });
});

it('knows people in a room by their address or the id that the room stamps; a nick is only a name', () => {
  const sender = (nick: string, ...more: Child[]) => {
    const event = message({ from: `${room}/${nick}`, type: 'groupchat' }, 'x', ...more);
    return event?.type === 'message' ? event.sender : null;
  };
  const occupantId = (id = 'abc') => xml('occupant-id', { xmlns: ns.occupantId, id });
  expect(sender('Ann', occupantId())).toMatchObject({
    id: 'ann@example.org',
    identity: 'account',
    place: 'example.org',
    name: 'Ann',
    isSelf: false,
  });
  expect(sender('Bob', occupantId())).toMatchObject({
    id: `${room}#abc`,
    identity: 'account',
    name: 'Bob',
  });
  expect(sender('Cat')).toMatchObject({ id: `${room}/Cat`, identity: 'name' });
  expect(sender('Nightbot')).toMatchObject({ isSelf: true });
  // One that its sender has added beside the room's.
  expect(sender('Eve', occupantId(), occupantId('ann'))).toMatchObject({ identity: 'name' });
  stamping.clear();
  expect(sender('Bob', occupantId())).toMatchObject({ id: `${room}/Bob`, identity: 'name' });
  stamping.add(room);
});

it('tells people who are hidden behind a nick how to be known, and keeps what they say apart', () => {
  const direct = (nick: string) => message({ from: `${room}/${nick}`, type: 'chat' }, 'x');
  expect(direct('Cat')).toMatchObject({
    direct: true,
    threadKey: `${room} ${room}/Cat`,
    sender: { identity: 'name', advice: expect.stringContaining('bot@example.org') },
  });
  // Whoever has the nick tomorrow goes on in another conversation.
  expect(direct('Ann')).toMatchObject({
    thread: { to: `${room}/Ann` },
    threadKey: `${room} ann@example.org`,
    sender: { identity: 'account' },
  });
});

it('takes for a program who calls itself one', () => {
  bots.add(`${room}/Ann`).add('Ann@example.org/phone');
  expect(inRoom('x')).toMatchObject({ sender: { isBot: true } });
  expect(message({}, 'x')).toMatchObject({ sender: { isBot: true, identity: 'account' } });
  bots.clear();
  expect(inRoom('x')).toMatchObject({ sender: { isBot: false } });
});

it('knows when it is meant', () => {
  const meant = (text: string, ...more: Child[]) => {
    const event = inRoom(text, ...more);
    return event?.type === 'message' ? [event.addressed, event.text] : null;
  };
  expect(meant('hello')).toEqual([false, 'hello']);
  expect(meant('NIGHTBOT, hello')).toEqual([true, 'hello']);
  expect(meant('@nightbot hello')).toEqual([true, 'hello']);
  expect(meant('is Nightbot there?')).toEqual([true, 'is Nightbot there?']);
  expect(meant('nightbots, midnightbot and nightbot-2')).toEqual([
    false,
    'nightbots, midnightbot and nightbot-2',
  ]);
  expect(meant('so?', xml('reply', { xmlns: ns.reply, to: `${room}/Nightbot`, id: '1' }))).toEqual([
    true,
    'so?',
  ]);
  expect(meant('so?', xml('reply', { xmlns: ns.reply, to: `${room}/Ann`, id: '1' }))).toEqual([false, 'so?']);
  const mention = (uri: string) => xml('reference', { xmlns: ns.reference, type: 'mention', uri });
  expect(meant('you', mention('xmpp:bot@example.org'))).toEqual([true, 'you']);
  expect(meant('you', mention('xmpp:ann@example.org'))).toEqual([false, 'you']);
});

it('lets people correct and take back what is theirs, and nothing else', () => {
  const original = message({ id: 'm1' }, 'one');
  const corrected = message({ id: 'm2' }, 'two', xml('replace', { xmlns: ns.correct, id: 'm1' }));
  const retracted = message({ id: 'm3' }, null, xml('retract', { xmlns: ns.retract, id: 'm1' }));
  const byBob = message(
    { id: 'm4', from: 'bob@example.org/phone' },
    'three',
    xml('replace', { xmlns: ns.correct, id: 'm1' }),
  );
  const idOf = (event: typeof original) => (event && 'messageId' in event ? event.messageId : undefined);
  expect(corrected).toMatchObject({ type: 'edited', text: 'two' });
  expect(retracted).toMatchObject({ type: 'deleted' });
  expect([idOf(corrected), idOf(retracted)]).toEqual([idOf(original), idOf(original)]);
  expect(idOf(byBob)).not.toBe(idOf(original));
});

it('fetches files only over HTTP, whatever they are called', () => {
  const files = (url: string) => {
    const event = message({}, url, xml('x', { xmlns: ns.oob }, xml('url', {}, url)));
    return event?.type === 'message' ? [event.text, event.attachments?.map(({ name }) => name)] : event;
  };
  expect(files('https://up.example/1/photo.jpg')).toEqual(['', ['photo.jpg']]);
  expect(files('https://up.example/')).toEqual(['', ['file']]);
  expect(files('https://up.example/%E0%A4%A')).toEqual(['', ['%E0%A4%A']]);
  expect(files('file:///etc/passwd')).toEqual(['file:///etc/passwd', []]);
  expect(files('https://[')).toEqual(['https://[', []]);
});
