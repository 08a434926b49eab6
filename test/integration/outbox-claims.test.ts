/** The outbox's rows under claims: no worker runs here, so that each step can be looked at. */

import {
  announceFiles,
  failFile,
  markAttention,
  setChannelAccount,
  storeFile,
} from '@nightshift/core/channels';
import { advanceCursor, readConnectorCursor } from '@nightshift/core/connectors';
import { newId } from '@nightshift/core/database';
import {
  claimDelivery,
  explainWaiting,
  findDueDeliveryLanes,
  giveBack,
  leaseMs,
  markDead,
  markPart,
  markSent,
  markUnknown,
  nextDeliveryDueInMs,
  oldestDueDeliverySeconds,
  pauseDestination,
  renewDelivery,
  retryDelivery,
  retryLater,
} from '@nightshift/core/outbox';
import { createWebhook } from '@nightshift/core/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { addConversation, type Destination, type Written, writeDelivery } from '../support/channel/index.ts';

let product: Product;
let destination: Destination;
let conversation: string;
const error = { code: 'not_delivered', message: 'No.' };

beforeAll(async () => {
  product = await startProduct();
});
beforeEach(async () => {
  // What other tests have left is due sooner or later.
  await product.sql('DELETE FROM delivery');
  await product.sql('DELETE FROM webhook');
  const { id } = await createWebhook(product.db, product.deps.kek, product.id, {
    url: 'https://receiver.example/',
    events: ['message.created'],
  });
  destination = { kind: 'webhook', id };
  conversation = await addConversation(product);
});
afterAll(() => product.close());

const write = (text: string) => writeDelivery(product, destination, conversation, text);
const claim = ({ lane }: Written) => claimDelivery(product.db, lane);
const expire = ({ id }: Written) =>
  product.sql(`UPDATE delivery SET lease_until = now() - interval '1 ms' WHERE id = $1`, [id]);
const age = ({ id }: Written, seconds: number) =>
  product.sql(`UPDATE delivery SET due_at = now() - $2 * interval '1 second' WHERE id = $1`, [id, seconds]);
const statusOf = async ({ id }: Written) =>
  (await product.sql('SELECT status FROM delivery WHERE id = $1', [id]))[0].status;

describe('a claim', () => {
  it('leaves to others what only a connected process can send', async () => {
    const agentId = await createAgent(product.owner);
    const settings = { host: 'irc.example', nick: 'nightbot' };
    const body = { kind: 'irc', agentId, settings };
    const { id } = await product.owner.expect(201, product.owner.post('/v1/channels', body));
    const thread = await addConversation(product, id);
    const waiting = await writeDelivery(product, { kind: 'channel', id }, thread, 'one');
    const elsewhere = { kinds: ['irc'], connections: [`${newId()}/0`, `${id}/1`] };
    const here = { kinds: ['irc'], connections: [`${newId()}/0`, `${id}/0`] };
    expect(await claimDelivery(product.db, waiting.lane, elsewhere)).toBeNull();
    expect(await nextDeliveryDueInMs(product.db, waiting.lane, elsewhere)).toBe(Number.POSITIVE_INFINITY);
    expect(await findDueDeliveryLanes(product.db, 10, elsewhere)).not.toContain(waiting.lane);
    // Its wake-up may have gone to another process, so it is not waited for.
    expect(await findDueDeliveryLanes(product.db, 10, here)).toContain(waiting.lane);
    await explainWaiting(product.db, id, error);
    expect((await product.sql('SELECT error FROM delivery WHERE id = $1', [waiting.id]))[0].error).toEqual(
      error,
    );
    const claimed = await claimDelivery(product.db, waiting.lane, here);
    expect(claimed).toMatchObject({ id: waiting.id, attempts: 1 });
    // Other destinations are in everybody's reach.
    const other = await write('two');
    expect(await claimDelivery(product.db, other.lane, elsewhere)).toMatchObject({ id: other.id });
    await markSent(product.db, claimed!);
    expect((await product.sql('SELECT error FROM delivery WHERE id = $1', [waiting.id]))[0].error).toBeNull();
  });

  it.each([
    [
      'pause',
      (path: string) => product.owner.post(`${path}/pause`),
      (path: string) => product.owner.post(`${path}/resume`),
    ],
    ['change', (path: string) => product.owner.patch(path, { settings: { nick: 'other' } }), null],
  ] as const)(
    'learns of a %s of the channel between two parts, and leaves the rest',
    async (_name, change, undo) => {
      const agentId = await createAgent(product.owner);
      const body = { kind: 'irc', agentId, settings: { host: 'irc.example', nick: 'nightbot' } };
      const { id } = await product.owner.expect(201, product.owner.post('/v1/channels', body));
      const thread = await addConversation(product, id);
      const { lane } = await writeDelivery(product, { kind: 'channel', id }, thread, 'one');
      const claimed = (await claimDelivery(product.db, lane))!;
      const sent = (partsSent: number) => markPart(product.db, claimed, { partsSent, receipt: {} });
      expect(await sent(1)).toEqual({ changed: false });
      await product.owner.expect(200, change(`/v1/channels/${id}`));
      expect(await sent(2)).toEqual({ changed: true });
      expect(await giveBack(product.db, claimed)).toBe(true);
      if (undo) {
        expect(await claimDelivery(product.db, lane)).toBeNull();
        await product.owner.expect(200, undo(`/v1/channels/${id}`));
      }
      expect(await claimDelivery(product.db, lane)).toMatchObject({ partsSent: 2, interrupted: false });
    },
  );

  it('takes the head of the lane, and nobody else takes anything of it', async () => {
    const [one, two] = [await write('one'), await write('two')];
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(one)));
    expect(claims.filter((claimed) => claimed !== null)).toMatchObject([
      { id: one.id, attempts: 1, interrupted: false, partsSent: 0, destination },
    ]);
    const [held] = claims.filter((claimed) => claimed !== null);
    expect(await markSent(product.db, held!)).not.toBeNull();
    expect(await claim(one)).toMatchObject({ id: two.id });
  });

  it('of another conversation is not held up', async () => {
    const one = await write('one');
    await claim(one);
    const other = await writeDelivery(product, destination, await addConversation(product), 'other');
    expect(await claim(other)).toMatchObject({ id: other.id });
  });

  it('waits for its time', async () => {
    const [one, two] = [await write('one'), await write('two')];
    await retryLater(product.db, (await claim(one))!, error, 60_000);
    expect(await claim(two)).toBeNull();
    const ms = await nextDeliveryDueInMs(product.db, one.lane);
    expect(ms).toBeGreaterThan(55_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  });

  it('waits for a destination that is paused, and a shorter pause takes nothing from a longer one', async () => {
    const one = await write('one');
    await pauseDestination(product.db, destination, 60_000);
    await pauseDestination(product.db, destination, 1_000);
    expect(await claim(one)).toBeNull();
    expect(await nextDeliveryDueInMs(product.db, one.lane)).toBeGreaterThan(50_000);
    await product.sql("UPDATE webhook SET paused_until = now() - interval '1 second'");
    expect(await claim(one)).toMatchObject({ id: one.id });
  });

  it('over one whose worker died says so, and the dead worker writes nothing any more', async () => {
    const one = await write('one');
    const lost = (await claim(one))!;
    expect(await claim(one)).toBeNull();
    await expire(one);
    const taken = (await claim(one))!;
    expect(taken).toMatchObject({ id: one.id, interrupted: true, attempts: 2 });
    const marks = [
      renewDelivery(product.db, lost),
      markPart(product.db, lost, { partsSent: 1, receipt: {} }),
      markSent(product.db, lost),
      retryLater(product.db, lost, error, 0),
      markUnknown(product.db, lost, error),
      markDead(product.db, lost, error),
    ];
    expect(await Promise.all(marks)).toEqual([false, null, null, false, false, false]);
    expect(await statusOf(one)).toBe('sending');
    expect(await markSent(product.db, taken)).not.toBeNull();
  });

  it('that ran out without being taken over may still be marked: what was sent was sent', async () => {
    const one = await write('one');
    const claimed = (await claim(one))!;
    await expire(one);
    expect(await markSent(product.db, claimed)).not.toBeNull();
  });

  it('is kept by renewing it', async () => {
    const one = await write('one');
    const claimed = (await claim(one))!;
    await expire(one);
    expect(await renewDelivery(product.db, claimed)).toBe(true);
    expect(await claim(one)).toBeNull();
    const ms = await nextDeliveryDueInMs(product.db, one.lane);
    expect(ms).toBeGreaterThan(leaseMs - 5_000);
    expect(ms).toBeLessThanOrEqual(leaseMs);
  });

  it('goes on after the parts that were sent, each written down once', async () => {
    const one = await write('one');
    const lost = (await claim(one))!;
    await markPart(product.db, lost, { partsSent: 1, receipt: { id: 'a' } });
    // A connection that broke in the commit: the same again.
    await markPart(product.db, lost, { partsSent: 1, receipt: { id: 'a' } });
    await markPart(product.db, lost, { partsSent: 2, receipt: { id: 'b' } });
    const [row] = await product.sql('SELECT receipts FROM delivery WHERE id = $1', [one.id]);
    expect(row.receipts).toEqual([{ id: 'a' }, { id: 'b' }]);
    await expire(one);
    expect(await claim(one)).toMatchObject({ partsSent: 2, interrupted: true });
  });
});

describe('a retry by hand', () => {
  it('goes back to its place, before what waits and not beside what is under way', async () => {
    const [one, two, three] = [await write('one'), await write('two'), await write('three')];
    await markDead(product.db, (await claim(one))!, error);
    const second = (await claim(two))!;
    const { delivery, lane } = await retryDelivery(product.db, product.id, one.id);
    expect([delivery.status, lane]).toEqual(['pending', one.lane]);
    expect(await claim(one)).toBeNull();
    await markSent(product.db, second);
    const again = (await claim(one))!;
    expect(again).toMatchObject({ id: one.id, attempts: 2, interrupted: false });
    expect(again.spentMs).toBeLessThan(60_000);
    await markSent(product.db, again);
    expect(await claim(one)).toMatchObject({ id: three.id });
  });

  it('never puts two of a lane under way, however claims and retries cross', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [one, two] = [await write('one'), await write('two')];
      await markDead(product.db, (await claim(one))!, error);
      const crossing = [claim(one), retryDelivery(product.db, product.id, one.id), claim(one), claim(two)];
      await Promise.all(crossing);
      await claim(one);
      const sending = await product.sql(`SELECT id FROM delivery WHERE lane = $1 AND status = 'sending'`, [
        one.lane,
      ]);
      expect(sending).toHaveLength(1);
      await product.sql(`UPDATE delivery SET status = 'sent' WHERE id IN ($1, $2)`, [one.id, two.id]);
    }
  });

  it('has a window of its own', async () => {
    const one = await write('one');
    await product.sql(`UPDATE delivery SET created_at = now() - interval '2 days' WHERE id = $1`, [one.id]);
    const old = (await claim(one))!;
    expect(old.spentMs).toBeGreaterThan(47 * 3_600_000);
    await markUnknown(product.db, old, error);
    await retryDelivery(product.db, product.id, one.id);
    expect((await claim(one))!.spentMs).toBeLessThan(60_000);
  });
});

describe('what is due', () => {
  it('is the heads of lanes that nobody is at, the oldest first', async () => {
    const [one, behind] = [await write('one'), await write('behind')];
    const other = await writeDelivery(product, destination, await addConversation(product), 'other');
    // What has just become due is left to its wake-up, for a second.
    await expect
      .poll(async () => {
        await Promise.all([age(one, 0), age(behind, 0), age(other, 0)]);
        return findDueDeliveryLanes(product.db);
      })
      .toEqual([]);
    await Promise.all([age(one, 10), age(behind, 90), age(other, 30)]);
    expect(await findDueDeliveryLanes(product.db)).toEqual([other.lane, one.lane]);
    expect(await findDueDeliveryLanes(product.db, 1)).toEqual([other.lane]);
    expect(await oldestDueDeliverySeconds(product.db)).toBeGreaterThanOrEqual(30);

    await claim(other);
    expect(await findDueDeliveryLanes(product.db)).toEqual([one.lane]);
    await product.sql(`UPDATE delivery SET lease_until = now() - interval '2 s' WHERE id = $1`, [other.id]);
    expect(await findDueDeliveryLanes(product.db)).toEqual([other.lane, one.lane]);

    await pauseDestination(product.db, destination, 60_000);
    expect(await findDueDeliveryLanes(product.db)).toEqual([]);
    expect(await oldestDueDeliverySeconds(product.db)).toBe(0);
  });
});

describe('what a platform says', () => {
  const said = 'no\0t \ud83d here';
  const stored = 'not \ufffd here';
  const bad = { code: said, message: said };
  const rowOf = async ({ id }: Written) =>
    (await product.sql('SELECT status, error, receipts FROM delivery WHERE id = $1', [id]))[0];

  it.each([
    ['dead', markDead],
    ['unknown', markUnknown],
  ] as const)('of a delivery that is %s is stored, whatever characters it holds', async (status, mark) => {
    const written = await write('one');
    expect(await mark(product.db, (await claim(written))!, bad)).toBe(true);
    expect(await rowOf(written)).toMatchObject({ status, error: { code: stored, message: stored } });
  });

  it('of one that is tried again, and of the parts that were sent, likewise', async () => {
    const written = await write('one');
    const first = (await claim(written))!;
    expect(await markPart(product.db, first, { partsSent: 1, receipt: { [said]: said } })).toEqual({
      changed: false,
    });
    expect(await retryLater(product.db, first, bad, 0)).toBe(true);
    expect(await rowOf(written)).toMatchObject({
      status: 'pending',
      error: { message: stored },
      receipts: [{ [stored]: stored }],
    });
    const second = (await claim(written))!;
    expect(await markSent(product.db, second, { partsSent: 2, receipt: { id: said } })).not.toBeNull();
    expect(await rowOf(written)).toMatchObject({ status: 'sent', receipts: [{}, { id: stored }] });
  });

  it('of the channel itself, of its files and of where to read on, likewise', async () => {
    const agentId = await createAgent(product.owner);
    const body = { kind: 'irc', agentId, settings: { host: 'irc.example', nick: 'nightbot' } };
    const { id } = await product.owner.expect(201, product.owner.post('/v1/channels', body));
    await markAttention(product.db, id, bad);
    await setChannelAccount(product.db, product.id, id, { account: { id: said, name: said }, ownIds: [] });
    const [channel] = await product.sql('SELECT problem, account FROM channel WHERE id = $1', [id]);
    expect(channel).toEqual({
      problem: { code: stored, message: stored, at: expect.any(String) },
      account: { id: stored, name: stored },
    });

    const lease = { channelId: id, teamId: product.id, epoch: 7 };
    await product.sql(`UPDATE channel SET epoch = 7, lease_owner = 'me' WHERE id = $1`, [id]);
    await advanceCursor(product.db, lease, { cursor: said, cursorKey: 'k' });
    expect(await readConnectorCursor(product.db, lease, 'k')).toBe(stored);

    const [file, other] = announceFiles([
      {
        name: `${'x'.repeat(10)}😀${'y'.repeat(199)}`,
        mediaType: `${'t'.repeat(199)}😀`,
        bytes: 1,
        source: {},
      },
      { name: 'b', mediaType: 'text/plain', bytes: 1, source: {} },
    ]);
    expect(file).toMatchObject({ name: 'y'.repeat(199), media_type: 't'.repeat(199) });
    for (const each of [file!, other!])
      await product.sql(
        `INSERT INTO file (id, team_id, conversation_id, name, media_type, source)
         VALUES ($1, $2, $3, 'f', 'text/plain', '{}')`,
        [each.id, product.id, await addConversation(product, id)],
      );
    await failFile(product.db, file!.id, said);
    await storeFile(product.db, other!.id, { data: Buffer.from('x'), mediaType: said });
    const files = 'SELECT problem, media_type FROM file WHERE id = $1';
    expect(await product.sql(files, [file!.id])).toEqual([{ problem: stored, media_type: 'text/plain' }]);
    expect(await product.sql(files, [other!.id])).toEqual([{ problem: null, media_type: stored }]);
  });
});
