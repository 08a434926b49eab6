/** Pictures that a platform delivers one by one, each in a request of its own, though somebody sent them at once. */
import type { MessageEvent } from '@nightshift/channels';
import { ChannelAccess } from '@nightshift/contracts';
import { acceptEvents, type EventScope } from '@nightshift/core/inbox';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
import { connectProgram, type Program, startProgram } from '../support/channel/index.ts';

let product: Product;
let program: Program;
let scope: EventScope;

beforeAll(async () => {
  product = await startProduct();
  program = await startProgram();
});
beforeEach(async () => {
  const { id, agentId } = await connectProgram(product, program);
  const access = ChannelAccess.parse({ strangers: 'answer' });
  scope = { id, teamId: product.id, agentId, access, routes: [], kek: product.deps.kek };
});
afterAll(async () => {
  await product.close();
  await program.close();
});

const piece = (nth: number, more: Partial<MessageEvent> = {}): MessageEvent => ({
  type: 'message',
  externalId: `piece ${nth}`,
  messageId: `piece ${nth}`,
  thread: { chat: '1' },
  threadKey: '1',
  direct: true,
  addressed: false,
  sender: { id: 'ann', identity: 'account', name: 'Ann', isBot: false, isSelf: false },
  text: '',
  attachments: [{ name: `${nth}.png`, mediaType: 'image/png', bytes: 10, source: { id: String(nth) } }],
  album: 'summer',
  ...more,
});

const accept = (event: MessageEvent) =>
  acceptEvents(product.db, scope, [event], {
    onDefect: (error) => {
      throw error;
    },
  });
const messages = () =>
  product.sql(
    `SELECT m.content, r.due_at > r.created_at + interval '1 second' AS waits
     FROM message m JOIN conversation c ON c.id = m.conversation_id JOIN run r ON r.id = m.run_id
     WHERE c.channel_id = $1 ORDER BY m.seq`,
    [scope.id],
  );

it('they become one message, which waits a moment for them, however they come', async () => {
  await Promise.all([1, 2, 3, 4].map((nth) => accept(piece(nth, nth === 3 ? { text: 'Look!' } : {}))));
  const [message, ...others] = await messages();
  expect(others).toEqual([]);
  expect(message.waits).toBe(true);
  expect(message.content[0]).toEqual({ type: 'text', text: 'Look!' });
  const names = message.content.slice(1).map(({ name }: { name: string }) => name);
  expect(names.sort()).toEqual(['1.png', '2.png', '3.png', '4.png']);
  const [{ files }] = await product.sql(
    `SELECT count(*)::int AS files FROM file f JOIN conversation c ON c.id = f.conversation_id WHERE c.channel_id = $1`,
    [scope.id],
  );
  expect(files).toBe(4);
});

it('a piece that comes again is dropped', async () => {
  await accept(piece(1));
  await accept(piece(2));
  expect([...(await accept(piece(2))).dropped]).toEqual([['duplicate', 1]]);
  expect((await messages())[0].content).toHaveLength(2);
});

it('in a group the pieces without the mention belong to the one that has it', async () => {
  const group = { direct: false, group: 'g' };
  await accept(piece(1, { ...group, text: 'Agent, look', addressed: true }));
  expect((await accept(piece(2, group))).taken).toBe(1);
  expect((await messages())[0].content).toHaveLength(3);
  expect([...(await accept(piece(9, { ...group, album: 'other' }))).dropped]).toEqual([['not_addressed', 1]]);
});

it('what comes after the run has begun is a message of its own', async () => {
  await accept(piece(1));
  await product.sql(`UPDATE run SET status = 'succeeded' WHERE status = 'queued'`);
  await accept(piece(2));
  expect(await messages()).toHaveLength(2);
});
