/** An upgrade while it is in use: workers of the last release go on beside this version, on a database that it migrates. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEvents, type SseEvent } from '../support/api/sse.ts';
import { type Accepted, connectModel, createAgent, runEnd, say, stepsOf } from '../support/api/talk.ts';
import {
  assertNothingLost,
  type Cluster,
  converse,
  echoMarks,
  marksIn,
  type Sent,
  type ServerProcess,
  sendUntilAccepted,
  startCluster,
  until,
} from '../support/faults/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';
import { createTestDatabase } from '../support/postgres/index.ts';
import { latestRelease } from '../support/releases/releases.ts';
import { unpackSource } from '../support/releases/source.ts';
import { bob } from '../support/releases/surroundings.ts';
import { ann, type FakeTelegram, startTelegram } from '../support/telegram/index.ts';

type Person = typeof ann | typeof bob;

/** As a message of theirs to the bot says it. */
const from = (person: Person) => ({
  from: person,
  chat: { id: person.id, type: 'private' as const, first_name: person.first_name },
});

const resources = new AsyncDisposableStack();
const directory = mkdtempSync(join(tmpdir(), 'nightshift-rolling-'));

let databaseUrl: string;
let server: ModelServer;
let model: string;
let bot: FakeTelegram;
let channelId: string;
/** The release and this version, on one database. */
let released: Cluster;
let current: Cluster;

/** Starts an api and a worker. @param root see {@link Launch} */
async function start(root?: string): Promise<Cluster> {
  const cluster = await startCluster({
    databaseUrl,
    ...(root && { root }),
    workerProgram: 'worker-with-tools',
    adminKey: 'ns_the-owner-key-of-the-rolling-upgrade',
    env: {
      NIGHTSHIFT_SECRET_KEY: 'the secret key of the rolling upgrade test',
      OUTBOUND_ALLOW: '127.0.0.1',
      // Few enough that one worker alone cannot take all conversations of a test.
      WORKER_CONCURRENCY: '8',
      WORKER_DRAIN_SECONDS: '0',
    },
  });
  resources.defer(cluster.close);
  return cluster;
}

/** From now on every claim of a lane is written down. */
async function recordClaims({ sql }: Cluster): Promise<void> {
  await sql('CREATE TABLE claim (conversation_id uuid, owner text)');
  await sql(`
    CREATE FUNCTION record_claim() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO claim VALUES (NEW.id, NEW.lease_owner);
      RETURN NULL;
    END $$`);
  await sql(`
    CREATE TRIGGER record_claim AFTER UPDATE OF lease_owner ON conversation FOR EACH ROW
    WHEN (NEW.lease_owner IS NOT NULL) EXECUTE FUNCTION record_claim()`);
}

/** The ids of those conversations that the worker has claimed. */
async function claimedBy({ pid }: ServerProcess, of: readonly Accepted[]): Promise<Set<string>> {
  const rows = await released.sql(
    `SELECT conversation_id AS id FROM claim WHERE split_part(owner, '/', 2) = $1 AND conversation_id = ANY ($2)`,
    [String(pid), of.map(({ conversationId }) => conversationId)],
  );
  return new Set(rows.map(({ id }) => id));
}

/** The leases of a worker that was killed end now, and not in some seconds. */
const endLeases = ({ pid }: ServerProcess) =>
  released.sql(
    `UPDATE conversation SET lease_until = now() - interval '1 second' WHERE split_part(lease_owner, '/', 2) = $1`,
    [String(pid)],
  );

/** What the model was asked with this in it. */
const requestsWith = (mark: string) =>
  server.requests.filter(({ body }) => JSON.stringify(body.messages).includes(mark));

const textOf = (events: readonly SseEvent[]): string =>
  events
    .filter(({ event }) => event === 'text.delta')
    .map(({ data }) => data.text)
    .join('');

const newAgent = () => createAgent(released.owner, { model });

/** What the bot has written to somebody. */
const shownTo = ({ id }: Person): string[] =>
  bot
    .shown()
    .filter(({ to }) => to.chat_id === String(id))
    .map(({ text }) => text);

/** A bot that the worker of the release is connected to. Ann is answered, and Bob has only knocked. */
async function connectBot(): Promise<void> {
  const channel = {
    kind: 'telegram',
    agentId: await newAgent(),
    credentials: { token: bot.token },
    settings: { apiUrl: bot.url },
    access: { strangers: 'pair', people: [String(ann.id)] },
    live: false,
  };
  channelId = (await released.owner.expect(201, released.owner.post('/v1/channels', channel))).id;
  await bot.say('Ann before', from(ann));
  await bot.say('Bob before', from(bob));
  await until('both were heard', () => shownTo(ann).length === 1 && shownTo(bob).length === 1);
}

beforeAll(async () => {
  resources.defer(() => rmSync(directory, { recursive: true }));
  const source = unpackSource(latestRelease.directory);
  resources.defer(source.remove);
  const database = await createTestDatabase({ empty: true });
  resources.defer(database.drop);
  databaseUrl = database.url;
  server = await startModelServer();
  resources.defer(server.close);
  released = await start(source.root);
  model = await connectModel(released.owner, server);
  bot = await startTelegram({ chats: [ann, bob].map((person) => from(person).chat) });
  resources.defer(bot.close);
  await connectBot();
  server.reset();
  await recordClaims(released);
});

beforeEach(({ onTestFailed }) => {
  onTestFailed(() => void process.stderr.write(`${released.output()}\n${current?.output()}\n`));
});

afterAll(() => resources.disposeAsync());

describe(`a worker of ${latestRelease.version}`, () => {
  it('ends the run that it is at, while this version migrates the database and starts', async () => {
    const { promise: migrated, resolve: answer } = Promise.withResolvers<void>();
    server.script(() => ({ text: ['Half of it, ', 'and the rest.'], after: migrated }));
    const { runId } = await say(released.owner, await newAgent(), 'Tell me');
    const told = readEvents(released.owner, runId);
    await until('the model was asked', () => server.requests.length === 1);

    current = await start();
    answer();
    expect(await runEnd(current.owner, runId)).toMatchObject({ status: 'succeeded', attempt: 1 });
    expect(await stepsOf(current.owner, runId)).toMatchObject([{ status: 'succeeded', attempts: 1 }]);
    expect(server.requests).toHaveLength(1);
    expect(textOf(await told)).toBe('Half of it, and the rest.');
    expect(textOf(await readEvents(current.owner, runId))).toBe('Half of it, and the rest.');
  });

  it('works beside this version: both answer, each message once, and events go to either api', async () => {
    server.script(echoMarks({ delayMs: 100, toolEvery: 3 }));
    const agentIds = [await newAgent(), await newAgent()];
    const load = { agentIds, conversations: 12, messages: 3, pauseMs: 100 };
    const [one, other] = await Promise.all([converse(released.owner, load), converse(current.owner, load)]);
    const sent = [...one, ...other];
    const watched = await Promise.all(
      sent
        .slice(0, 6)
        .flatMap(({ runId }) => [readEvents(released.owner, runId), readEvents(current.owner, runId)]),
    );
    await assertNothingLost(current, sent);
    for (const events of watched) {
      expect(textOf(events)).toMatch(/<c\d+-\d+>/);
      expect(events.at(-1)).toMatchObject({ event: 'run.finished', data: { status: 'succeeded' } });
    }
    for (const { workers } of [released, current]) {
      expect((await claimedBy(workers[0]!, sent)).size).toBeGreaterThan(0);
    }
  });

  it('stays connected to a platform, and takes in and sends what is said there', async () => {
    server.script();
    const [{ pid }] = await current.sql(
      `SELECT split_part(lease_owner, '/', 2)::int AS pid FROM channel WHERE id = $1`,
      [channelId],
    );
    expect(pid).toBe(released.workers[0]!.pid);
    await bot.say('Ann after', from(ann));
    await bot.say('Bob after', from(bob));
    const path = `/v1/channels/${channelId}/identities`;
    const { data } = await current.owner.expect(200, current.owner.get(path));
    const { id } = data.find(({ externalId }: { externalId: string }) => externalId === String(bob.id));
    await current.owner.expect(200, current.owner.patch(`${path}/${id}`, { status: 'approved' }));
    await bot.say('Bob at last', from(bob));
    await until('both are answered', () => {
      return shownTo(ann).includes('Ann after') && shownTo(bob).includes('Bob at last');
    });
    expect(shownTo(ann)).toEqual(['Ann before', 'Ann after']);
  });

  it('goes on with the run of a worker of this version that was killed', async () => {
    const echo = echoMarks();
    server.script((request) => {
      const [mark] = marksIn(request.userText);
      if (!mark || request.toolResults.length > 0) return echo(request);
      return { toolCalls: [{ name: 'test.idempotent', arguments: { file: join(directory, mark) } }] };
    });
    const agentId = await newAgent();
    const worker = current.workers[0]!;
    // The tool waits when it is called first. Whoever takes the conversation is in it then; some are the other worker's.
    let cut: Sent | undefined;
    for (let number = 100; !cut; number += 1) {
      const sent = await sendUntilAccepted(current.owner, agentId, `<c${number}-0>`);
      await until('the tool runs', () => existsSync(join(directory, sent.mark)));
      if ((await claimedBy(worker, [sent])).size > 0) cut = sent;
    }
    await worker.end('SIGKILL');
    await endLeases(worker);
    const { runId, mark } = cut;
    expect(await runEnd(current.owner, runId)).toMatchObject({
      status: 'succeeded',
      attempt: 1,
      warnings: [],
    });
    expect(await claimedBy(released.workers[0]!, [cut])).toEqual(new Set([cut.conversationId]));
    // What the model answered first was in the journal, and is not paid for again.
    expect(requestsWith(mark)).toHaveLength(2);
    const executions = readFileSync(join(directory, mark), 'utf8').trim().split('\n');
    expect(executions).toEqual([`${runId}:1`, `${runId}:1`]);
  });

  it('is stopped, and loses nothing', async () => {
    await current.startWorker();
    server.script(echoMarks({ delayMs: 100, toolEvery: 2 }));
    const load = { agentIds: [await newAgent()], conversations: 16, messages: 6, pauseMs: 100 };
    const sending = converse(current.owner, load);
    const [worker] = released.workers;
    await until('it is at work', async () => {
      const leased = `SELECT FROM conversation WHERE split_part(lease_owner, '/', 2) = $1`;
      return (await current.sql(leased, [String(worker!.pid)])).length > 1;
    });
    expect(await worker!.end('SIGTERM')).toEqual({ code: 0, signal: null });
    await released.api.end('SIGTERM');
    await assertNothingLost(current, await sending);
  });
});
