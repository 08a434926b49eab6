import { describe, expect, it } from 'vitest';
import { messageIdFor, placeOf } from './email/threading.ts';
import { directLineOf, mainLineOf } from './main-line.ts';

describe('the main line', () => {
  it.each([
    ['slack', { channel: 'C1', thread_ts: '1.2', ts: '1.3' }, 'C1:1.2', { channel: 'C1' }, 'C1'],
    ['discord', { channelId: '7', messageId: '8', guildId: '9' }, '7', { channelId: '7', guildId: '9' }, '7'],
    [
      'teams',
      { serviceUrl: 'https://t.test', conversationId: '19:a@thread.tacv2;messageid=12', activityId: '3' },
      '19:a@thread.tacv2;messageid=12',
      { serviceUrl: 'https://t.test', conversationId: '19:a@thread.tacv2' },
      '19:a@thread.tacv2',
    ],
    ['telegram', { chat_id: '-5', message_thread_id: '2', message_id: '9' }, '-5:2', { chat_id: '-5' }, '-5'],
    ['whatsapp', { phone: '491', message: 'wamid' }, '491', { phone: '491' }, '491'],
    ['irc', { target: '#sales' }, '#sales', { target: '#sales' }, '#sales'],
    ['webhook', { thread: 'order-42' }, 'order-42', { thread: 'order-42' }, 'order-42'],
  ])('of %s answers no message', (kind, thread, threadKey, room, key) => {
    expect(mainLineOf(kind, { thread, threadKey })).toEqual({ thread: room, threadKey: key });
  });

  it('of a mail is a mail to its one recipient, whose answers come to the same conversation', () => {
    expect(mainLineOf('email', { thread: { to: 'a@x.test, b@x.test' }, threadKey: 'k' })).toBeNull();
    const line = mainLineOf('email', {
      thread: { to: 'ann@x.test', subject: 'Old', references: '<1>' },
      threadKey: 'k',
    })!;
    expect(line).toEqual(directLineOf('email', 'Ann@x.test'));
    const settings = { address: 'agent@house.test' } as Parameters<typeof placeOf>[2];
    const sent = messageIdFor(line.thread, 'delivery:1', settings);
    const answer = {
      ...{ references: [sent], inReplyTo: sent, messageId: '<2@x.test>', subject: 'Re: A message' },
      ...{ to: ['agent@house.test'], cc: [], replyTo: [] },
    } as unknown as Parameters<typeof placeOf>[0];
    expect(placeOf(answer, 'ann@x.test', settings, 'name').threadKey).toBe(line.threadKey);
  });
});
