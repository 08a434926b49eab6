import type { MessageEvent } from '@nightshift/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundEvent, contextOf } from './context.ts';
import { unreadableNotice } from './unsupported.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.nat({ max: 5_000 }).map((length) => '😀'.repeat(length)),
);
const name = fc.option(text);
const event = fc.record<Partial<MessageEvent>>(
  {
    where: fc.record({
      kind: fc.constantFrom('direct', 'group', 'channel', 'thread', 'topic', 'mail'),
      name,
    }),
    quoted: fc.record({
      messageId: fc.option(text),
      author: fc.option(fc.record({ name, isSelf: fc.boolean() })),
      text,
    }),
    forwarded: fc.record({ from: name }),
    addressees: fc.record({ to: fc.array(text, { maxLength: 60 }), cc: fc.array(text, { maxLength: 60 }) }),
    unsupported: fc.array(text, { maxLength: 30 }),
  },
  { requiredKeys: [] },
);

it('whatever a platform sends, what is kept is bounded, and bounding it again changes nothing', () => {
  fc.assert(
    fc.property(event, name, (more, senderName) => {
      const sent = {
        ...{ type: 'message', externalId: '1', thread: {}, threadKey: '1', direct: true, addressed: false },
        sender: { id: 'ann', identity: 'account', name: senderName, isBot: false, isSelf: false },
        text: '',
        ...more,
      } as MessageEvent;
      const bounded = boundEvent(sent);
      const context = contextOf(bounded);
      expect(JSON.stringify(context).length).toBeLessThan(110_000);
      expect(context.sender!.name?.length ?? 0).toBeLessThanOrEqual(200);
      expect(context.quoted?.text.length ?? 0).toBeLessThanOrEqual(1_000);
      expect(context.addressees?.to.length ?? 0).toBeLessThanOrEqual(20);
      expect(context.unsupported?.length ?? 0).toBeLessThanOrEqual(10);
      expect(boundEvent(bounded)).toEqual(bounded);
    }),
  );
});

it.each([
  [['poll'], 'I cannot read polls yet. Could you write it as text?'],
  [['poll', 'poll'], 'I cannot read polls yet. Could you write it as text?'],
  [['poll', 'sticker', 'dice'], 'I cannot read polls, stickers and dice yet. Could you write it as text?'],
  [['encrypted message'], 'I cannot read encrypted messages yet. Could you send it without encryption?'],
  [['hologram'], 'I cannot read messages of this kind yet. Could you write it as text?'],
  [
    ['poll', 'hologram'],
    'I cannot read polls and other messages of this kind yet. Could you write it as text?',
  ],
])('%j is answered by a sentence', (kinds, sentence) => {
  expect(unreadableNotice(kinds)).toBe(sentence);
});

it('the sentence holds no words of the platform’s', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 10 }), (kinds) => {
      expect(unreadableNotice(kinds)).toMatch(
        /^I cannot read [a-z, -]+ yet\. Could you (write it as text|send it without encryption)\?$/,
      );
    }),
  );
});
