/** What the gateway may dispatch, beside what discord-events.test.ts has recorded. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  expectWellFormed,
  hostileValue,
  pathsOf,
  withValue,
} from '../../../../test/support/channel/event-examples.ts';
import { bot, posted, pressed, roomId, whispered } from '../../../../test/support/discord/index.ts';
import { toEvents } from './events.ts';

const around = {
  self: { id: bot.id, roleId: null },
  parentId: null,
  roomName: '#sales',
  sessionId: 'session',
};

/** Everything that stands beside the words. */
const parts = {
  type: 19,
  message_reference: { type: 0, message_id: '7' },
  referenced_message: posted({ content: 'No.', embeds: [{ title: 'x' }] }),
  message_snapshots: [{ message: { content: 'passed on', attachments: [], sticker_items: [{ id: '1' }] } }],
  embeds: [{ title: 'a', description: 'b', fields: [{ name: 'c', value: 'd' }] }],
  components: [{ type: 17, components: [{ type: 10, content: 'e' }] }],
  poll: { question: { text: 'When?' } },
  sticker_items: [{ id: '1', name: 'Wave' }],
  activity: { type: 1 },
};
const dispatches = [
  { t: 'MESSAGE_CREATE', d: posted(parts) },
  { t: 'MESSAGE_CREATE', d: whispered({ ...parts, content: '' }) },
  { t: 'MESSAGE_UPDATE', d: posted({ ...parts, edited_timestamp: '2026-07-11T17:28:00.000000+00:00' }) },
  { t: 'INTERACTION_CREATE', d: pressed('yes') },
];
const places = dispatches.flatMap(({ t, d }) => pathsOf(d).map((path) => ({ t, d, path })));

it('makes well-formed events of whatever is dispatched', () => {
  fc.assert(
    fc.property(fc.constantFrom(...places), hostileValue, ({ t, d, path }, value) => {
      for (const event of toEvents({ t, s: 1, d: withValue(d, path, value) }, around))
        expectWellFormed(event);
    }),
    { numRuns: 300 },
  );
});

it('never loses the words to what stands beside them', () => {
  const beside = places.filter(({ t, d, path: [field] }) => {
    const isPart = Object.hasOwn(parts, field!) && field !== 'type';
    return t === 'MESSAGE_CREATE' && 'guild_id' in d && isPart;
  });
  fc.assert(
    fc.property(fc.constantFrom(...beside), hostileValue, ({ t, d, path }, value) => {
      const [event] = toEvents({ t, s: 1, d: withValue(d, path, value) }, around);
      expect(event).toMatchObject({
        type: 'message',
        group: roomId,
        text: expect.stringMatching(/^Supa Hot/),
      });
    }),
    { numRuns: 300 },
  );
});
