import { type Child, xml } from '@xmpp/client';
import { expect, it } from 'vitest';
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
  ['what is encrypted', [xml('encrypted', { xmlns: ns.omemo })], {}, 'OMEMO'],
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
