import type { Conversation, Message } from '@nightshift/contracts';
import { expect, it } from 'vitest';
import { notesOn, whereOf } from './message-notes.ts';

const channel = { id: 'c', name: 'Slack', kind: 'slack' };

it.each([
  [null, null, ''],
  [channel, null, 'Slack'],
  [channel, { kind: 'channel', name: '#sales' }, 'Slack #sales'],
  [channel, { kind: 'thread', name: '#sales' }, 'Slack #sales (thread)'],
  [channel, { kind: 'direct', name: null }, 'Slack direct'],
  [channel, { kind: 'group', name: 'a\nb' }, 'Slack a b'],
])('the place of %j, %j is "%s"', (where, place, text) => {
  expect(whereOf({ channel: where, place } as Conversation)).toBe(text);
});

const plain: Message = {
  ...{
    id: 'm',
    seq: 1,
    role: 'user',
    text: 'Hi',
    sender: null,
    runId: null,
    createdAt: '2026-12-01T00:00:00Z',
  },
  ...{ quoted: null, forwarded: null, addressees: null, attachments: [], unsupported: [], saidBefore: [] },
  ...{ amends: null, amended: null },
};

it('a message says what it came with', () => {
  expect(notesOn(plain)).toEqual([]);
  expect(
    notesOn({
      ...plain,
      addressees: { to: ['agent@example.org'], cc: ['bob@example.org'] },
      quoted: { messageId: null, author: { name: 'Bob', isSelf: false }, text: 'Lunch?' },
      forwarded: { from: 'Eve' },
      attachments: [{ fileId: 'f', name: 'a.png', mediaType: 'image/png' }],
      unsupported: ['poll'],
      saidBefore: [{ name: 'Bob', text: 'Hm' }],
      amends: { messageId: 'x', how: 'edited' },
      amended: { at: '', text: null },
    }),
  ).toEqual([
    'to agent@example.org',
    'cc bob@example.org',
    'with 1 message said in the room before',
    'forwards what Eve wrote',
    'answers Bob: Lunch?',
    'changes an earlier message',
    'file a.png, image/png',
    'could not be read: poll',
    'taken back later',
  ]);
});
