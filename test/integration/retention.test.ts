/** What is removed when it has been kept long enough, and what is not. */
import { newId } from '@nightshift/core/database';
import { pruneRecords } from '@nightshift/core/retention';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Product, startProduct } from '../support/api/index.ts';
import { connectProgram, type Program, startProgram } from '../support/channel/index.ts';

let product: Product;
let program: Program;
let channelId: string;
let conversationId: string;
let runId: string;

const retention = { inboundDays: 30, deliveryDays: 20 };

beforeAll(async () => {
  product = await startProduct();
  program = await startProgram();
  const channel = await connectProgram(product, program, { access: { strangers: 'answer' } });
  channelId = channel.id;
  const attachments = [{ name: 'a.txt', mediaType: 'text/plain', url: 'https://files.example.com/a.txt' }];
  await program.say(channel.hookUrl, 'Hello', { attachments });
  [{ id: conversationId }] = await product.sql(`SELECT id FROM conversation WHERE channel_id = $1`, [
    channelId,
  ]);
  [{ id: runId }] = await product.sql(`SELECT id FROM run WHERE conversation_id = $1`, [conversationId]);
  await product.sql(`UPDATE run SET status = 'succeeded' WHERE id = $1`, [runId]);
});
afterAll(async () => {
  await product.close();
  await program.close();
});

/** An id as it was given so many days ago. */
function idOf(days: number): string {
  const hex = (Date.now() - days * 86_400_000).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${newId().slice(13)}`;
}

const addEvent = async (days: number, count = 1) => {
  for (let at = 0; at < count; at += 1) {
    const id = idOf(days);
    await product.sql(
      `INSERT INTO inbound_event (id, team_id, source, external_id, channel_id) VALUES ($1, $2, 'test', $3, $4)`,
      [id, product.id, `${days} days, ${id}`, channelId],
    );
  }
};
const addDelivery = async (days: number, status: string) => {
  const id = idOf(days);
  await product.sql(
    `INSERT INTO delivery (id, team_id, lane, channel_id, event, text, status) VALUES ($1, $2, $3, $4, 'notice', $5, $6)`,
    [id, product.id, `${channelId}/${id}`, channelId, `${status}, ${days} days`, status],
  );
  return id;
};
const addFile = async (days: number, name: string) => {
  const id = idOf(days);
  await product.sql(
    `INSERT INTO file (id, team_id, conversation_id, name, media_type, source) VALUES ($1, $2, $3, $4, 'text/plain', '{}')`,
    [id, product.id, conversationId, name],
  );
  return id;
};
const addLiveReply = async (days: number, deliveryId: string) => {
  const id = idOf(days);
  await product.sql(`INSERT INTO live_reply (id, run_id, channel_id, delivery_id) VALUES ($1, $2, $3, $4)`, [
    id,
    runId,
    channelId,
    deliveryId,
  ]);
  return id;
};
const column = async (sql: string) => (await product.sql(sql)).map(({ value }) => value).sort();

it('inbound events outlive the window in which a platform delivers again', async () => {
  await addEvent(7);
  await addEvent(29);
  await addEvent(31, 3);
  expect(await pruneRecords(product.db, retention)).toBe(3);
  const left = await column(
    `SELECT split_part(external_id, ',', 1) AS value FROM inbound_event WHERE source = 'test'`,
  );
  expect(left).toEqual(['29 days', '7 days']);
});

it('what was delivered goes, what was not stays longer, what waits stays for ever', async () => {
  for (const status of ['sent', 'dead', 'unknown', 'failed', 'pending'])
    for (const days of [19, 21, 91]) await addDelivery(days, status);
  await pruneRecords(product.db, retention);
  expect(await column(`SELECT text AS value FROM delivery WHERE event = 'notice'`)).toEqual([
    'dead, 19 days',
    'dead, 21 days',
    'failed, 19 days',
    'failed, 21 days',
    'pending, 19 days',
    'pending, 21 days',
    'pending, 91 days',
    'sent, 19 days',
    'unknown, 19 days',
    'unknown, 21 days',
  ]);
});

it('files that no message has any more go; those of messages stay', async () => {
  const [{ id: kept }] = await product.sql(`SELECT id FROM file WHERE name = 'a.txt'`);
  const old = idOf(2);
  await product.sql(`UPDATE file SET id = $2 WHERE id = $1`, [kept, old]);
  await product.sql(
    `UPDATE message SET content = replace(content::text, $1, $2)::jsonb WHERE conversation_id = $3`,
    [kept, old, conversationId],
  );
  await addFile(2, 'orphan');
  await addFile(0, 'just come');
  await pruneRecords(product.db, retention);
  expect(await column(`SELECT name AS value FROM file`)).toEqual(['a.txt', 'just come']);
});

it('what showed an answer goes with it, unless the answer is not out yet', async () => {
  const waiting = await addDelivery(21, 'pending');
  await addLiveReply(21, newId());
  const kept = await addLiveReply(21, waiting);
  await pruneRecords(product.db, retention);
  expect(await column(`SELECT id AS value FROM live_reply`)).toEqual([kept]);
});

it('pairing codes that ran out are forgotten', async () => {
  const [{ id }] = await product.sql(`SELECT id FROM identity WHERE channel_id = $1`, [channelId]);
  const set = (expired: string) =>
    product.sql(`UPDATE identity SET code_hash = 'x', code_expires_at = now() + $2::interval WHERE id = $1`, [
      id,
      expired,
    ]);
  const code = async () =>
    (await product.sql(`SELECT code_hash FROM identity WHERE id = $1`, [id]))[0].code_hash;
  await set('1 hour');
  await pruneRecords(product.db, retention);
  expect(await code()).not.toBeNull();
  await set('-2 days');
  await pruneRecords(product.db, retention);
  expect(await code()).toBeNull();
});

it('a thousand go in batches, whoever is at it, and nobody twice', async () => {
  await product.sql(
    `INSERT INTO inbound_event (id, team_id, source, external_id)
     SELECT (overlay(uuidv7()::text placing $2 from 1 for 13))::uuid, $1, 'many', n::text FROM generate_series(1, 1200) AS n`,
    [product.id, idOf(31).slice(0, 13)],
  );
  const [first, second] = await Promise.all([1, 2].map(() => pruneRecords(product.db, retention)));
  const left = async () =>
    (await product.sql(`SELECT count(*)::int AS n FROM inbound_event WHERE source = 'many'`))[0].n;
  expect(first! + second! + (await left())).toBe(1200);
  await pruneRecords(product.db, retention);
  expect(await left()).toBe(0);
});
