/** This version takes over what a release left behind that was killed in the middle of its work, and goes on with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../support/api/client.ts';
import { readEvents } from '../support/api/sse.ts';
import { ask, runEnd, saidIn, stepsOf } from '../support/api/talk.ts';
import { startVisitor } from '../support/channel/index.ts';
import { type Cluster, startCluster, until } from '../support/faults/index.ts';
import { createTestDatabase } from '../support/postgres/index.ts';
import { restoreDatabase } from '../support/releases/database.ts';
import { releases } from '../support/releases/releases.ts';
import { longAnswer, type Staged, signature, toolFile } from '../support/releases/stage/index.ts';
import { openSurroundings, type Surroundings, secrets } from '../support/releases/surroundings.ts';

/** For so long nothing ran. Leases are over, and slots were missed; what is tried or kept for a time still is. */
const downSeconds = 180;

const codeIn = (texts: readonly string[]) => /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(texts.join('\n'))?.[0];

describe.each(releases)('what $version left behind', (release) => {
  const resources = new AsyncDisposableStack();
  const staged: Staged = JSON.parse(readFileSync(join(release.directory, 'staged.json'), 'utf8'));
  let surroundings: Surroundings;
  let cluster: Cluster;

  const read = (path: string) => cluster.owner.expect(200, cluster.owner.get(path));
  const runOf = (name: string) => runEnd(cluster.owner, staged.runs[name]!.runId);
  const stepsIn = async (name: string): Promise<string[]> =>
    (await stepsOf(cluster.owner, staged.runs[name]!.runId)).map(
      ({ kind, status }: { kind: string; status: string }) => `${kind} ${status}`,
    );
  /** What the model was asked since, with this in it. */
  const requestsWith = (text: string) =>
    surroundings.model.requests.filter(({ body }) => JSON.stringify(body.messages).includes(text));
  /** What a thread of the program was sent since, repetitions left out, as it does. */
  const shown = (thread: string): string[] => surroundings.program.shown(thread).map(({ text }) => text);
  const deliveriesOf = async (query: string) => (await read(`/v1/deliveries?limit=200&${query}`)).data;

  beforeAll(async () => {
    surroundings = await openSurroundings();
    resources.defer(surroundings.close);
    const { model, receiver } = surroundings;
    model.script(({ toolResults, userText }) => ({
      text: toolResults.length > 0 ? `Told: ${toolResults.join()}` : userText,
    }));
    receiver.react(({ path }) =>
      path === '/menu.txt'
        ? { status: 200, headers: { 'content-type': 'text/plain' }, body: 'Soup of the day: onion.' }
        : { status: 204 },
    );
    // As they were left by the tools that were killed.
    for (const name of ['once', 'idempotent']) {
      writeFileSync(toolFile(surroundings, name), `${staged.runs[name]!.runId}:1\n`);
    }
    const database = await createTestDatabase({ empty: true });
    resources.defer(database.drop);
    const { places } = surroundings;
    await restoreDatabase(database.url, release, { secondsAgo: downSeconds, places });
    cluster = await startCluster({
      databaseUrl: database.url,
      workerProgram: 'worker-with-tools',
      adminKey: secrets.adminKey,
      env: {
        NIGHTSHIFT_SECRET_KEY: secrets.secretKey,
        OUTBOUND_ALLOW: '127.0.0.1',
        // By their ids, which cannot be moved, rows are as old as the release.
        RETENTION_INBOUND_DAYS: '3650',
        RETENTION_DELIVERY_DAYS: '3650',
      },
    });
    resources.defer(cluster.close);
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => void process.stderr.write(`${cluster.output()}\n`));
  });

  afterAll(() => resources.disposeAsync());

  describe('of runs', () => {
    it('in a model call: the model is asked again, with what was said meanwhile', async () => {
      expect(await runOf('model')).toMatchObject({ status: 'succeeded', attempt: 1 });
      const said = await saidIn(cluster.owner, staged.runs.model!.conversationId);
      expect(said.slice(0, 2)).toEqual(['user: Play model', 'user: And this']);
      expect(said.slice(2).join()).toMatch(/^assistant: .*And this/s);
      expect(requestsWith('And this').length).toBe(1);
    });

    it('between two steps: what had ended is neither run nor paid for again', async () => {
      expect(await runOf('between')).toMatchObject({ status: 'succeeded', attempt: 1, warnings: [] });
      expect(await stepsIn('between')).toEqual(['model succeeded', 'tool succeeded', 'model succeeded']);
      expect(requestsWith('Play between')).toHaveLength(1);
    });

    it('in a tool that may be repeated: it is, and the model call before it is not', async () => {
      expect(await runOf('idempotent')).toMatchObject({ status: 'succeeded', attempt: 1, warnings: [] });
      expect(await stepsIn('idempotent')).toEqual(['model succeeded', 'tool succeeded', 'model succeeded']);
      const requests = requestsWith('Play idempotent');
      expect(requests).toHaveLength(1);
      // What the vendor had signed is in the journal, and it gets it back.
      expect(JSON.stringify(requests[0]!.body)).toContain(signature);
      const key = `${staged.runs.idempotent!.runId}:1`;
      expect(readFileSync(toolFile(surroundings, 'idempotent'), 'utf8')).toBe(`${key}\n${key}\n`);
    });

    it('in a tool that must not be repeated: it is not, and the run says so', async () => {
      const { status, warnings } = await runOf('once');
      expect(status).toBe('succeeded');
      expect(warnings).toEqual([expect.stringContaining('test.once')]);
      expect(requestsWith('Play once')).toHaveLength(1);
      const key = `${staged.runs.once!.runId}:1`;
      expect(readFileSync(toolFile(surroundings, 'once'), 'utf8')).toBe(`${key}\n`);
    });

    it('that wait: each is answered once', async () => {
      for (const name of ['queued', 'repeated']) {
        expect(await runOf(name)).toMatchObject({ status: 'succeeded', attempt: 1 });
        expect(await saidIn(cluster.owner, staged.runs[name]!.conversationId)).toHaveLength(2);
      }
    });

    it('somebody wanted to end: they end', async () => {
      expect(await runOf('cancel')).toMatchObject({ status: 'cancelled' });
      expect(requestsWith('Play cancel')).toHaveLength(0);
    });

    it('that failed: they can be retried', async () => {
      const { runId } = staged.runs.failed!;
      expect(await runOf('failed')).toMatchObject({ status: 'failed', attempt: 1 });
      await cluster.owner.expect(202, cluster.owner.post(`/v1/runs/${runId}/retry`));
      await until('it is over', async () => (await read(`/v1/runs/${runId}`)).status === 'succeeded');
      expect(await runOf('failed')).toMatchObject({ attempt: 2 });
    });

    it('a budget holds back: it goes on when there is room', async () => {
      const { runId } = staged.runs.waiting!;
      expect(await read(`/v1/runs/${runId}`)).toMatchObject({
        status: 'queued',
        waiting: expect.any(Object),
      });
      await cluster.owner.expect(200, cluster.owner.patch(`/v1/budgets/${staged.budgetId}`, { max: '5' }));
      expect(await runOf('waiting')).toMatchObject({ status: 'succeeded', attempt: 1 });
    });

    it('all: none is left open, and each can be watched', async () => {
      for (const status of ['queued', 'running']) {
        await until(
          `none is ${status}`,
          async () => (await read(`/v1/runs?status=${status}`)).data.length === 0,
        );
      }
      const events = await readEvents(cluster.owner, staged.runs.model!.runId);
      expect(events.at(-1)).toMatchObject({ event: 'run.finished', data: { status: 'succeeded' } });
    });
  });

  describe('of what was to leave', () => {
    it('the part that had arrived is not sent again, and the other one is', async () => {
      const { id } = staged.channels.telegram;
      await until('nothing waits there', async () => {
        const open = (await deliveriesOf(`channelId=${id}`)).filter(({ status }: { status: string }) =>
          ['pending', 'sending'].includes(status),
        );
        return open.length === 0;
      });
      const chats = Map.groupBy(surroundings.telegram.shown(), ({ to }) => to.chat_id);
      const toAnn = chats.get('4711')!.map(({ text }) => text);
      expect(toAnn).toHaveLength(1);
      expect(longAnswer.endsWith(toAnn[0]!)).toBe(true);
      // Nobody knows whether it arrived at Bob's, and Telegram does not know a repetition.
      expect(chats.get('4712')).toBeUndefined();
      expect(await deliveriesOf(`channelId=${id}&status=unknown`)).toMatchObject([{ partsSent: 1 }]);
    });

    it('what may have arrived is sent again under its id, where the receiver knows a repetition', async () => {
      await until('the program has it', () => shown('unconfirmed').length > 0);
      expect(shown('unconfirmed')).toEqual(['unconfirmed by the program']);
      const { runId } = staged.runs.unconfirmed!;
      const deliveries: { id: string; runId: string }[] = await deliveriesOf(`webhookId=${staged.webhookId}`);
      const ids = deliveries.filter((delivery) => delivery.runId === runId).map(({ id }) => id);
      const told = () => surroundings.receiver.received.filter(({ id }) => ids.includes(id));
      await until('the receiver has both events', () => told().length >= 2);
      expect(told().map(({ id }) => id)).toEqual(ids.toSorted());
      for (const { raw, headers } of told()) {
        new Webhook(secrets.webhook).verify(raw, headers as Record<string, string>);
      }
    });

    it('the message that showed an answer under way becomes the answer', async () => {
      const ofThread = () =>
        surroundings.program.receiver.received.filter(({ body }) => body.text?.includes('Play live'));
      await until('it is told', () => ofThread().length > 0);
      expect(ofThread().map(({ body }) => body.type)).toEqual(['edited']);
    });
  });

  it('files can be read that were fetched before, and are fetched that were not', async () => {
    await until('both are answered', () => shown('file').length === 1 && shown('queued').length === 1);
    expect(requestsWith('Play file').map(({ body }) => JSON.stringify(body))).toEqual([
      expect.stringContaining('Soup of the day: leek.'),
    ]);
    expect(requestsWith('In the queue of the program').map(({ body }) => JSON.stringify(body))).toEqual([
      expect.stringContaining('Soup of the day: onion.'),
    ]);
    expect(surroundings.receiver.received.filter(({ path }) => path === '/menu.txt')).toHaveLength(1);
  });

  it('schedules follow their misfire rules, and the slot that was taken up gets its run', async () => {
    const firesOf = async (name: keyof Staged['schedules']) =>
      (await read(`/v1/schedules/${staged.schedules[name]}/fires`)).data;
    const succeeded = (fire: { runStatus: string }) => fire.runStatus === 'succeeded';
    await until('what was missed is caught up with', async () => {
      const all = await firesOf('all');
      return all.filter(succeeded).length >= 3;
    });
    for (const name of ['opened', 'once'] as const) {
      await until(`"${name}" has run`, async () => (await firesOf(name)).some(succeeded));
      expect(await firesOf(name)).toMatchObject([{ status: 'fired', slots: 1 }]);
    }
    expect(requestsWith('Look around once.')).toHaveLength(1);
    expect(requestsWith('Look around, missed once.')).toHaveLength(1);
    expect(await firesOf('skipped')).toMatchObject([{ status: 'skipped', runId: null }]);
    expect(await firesOf('daily')).toMatchObject([{ manual: true, runStatus: 'succeeded' }]);
    expect((await read(`/v1/schedules/${staged.schedules.daily}`)).nextFires.length).toBeGreaterThan(0);
  });

  it('keys and sealed secrets are good for what they were', async () => {
    const { member, viewer, revoked } = staged.keys;
    const path = `/v1/agents/${staged.agents.ben}/messages?wait=60`;
    const said = { text: 'Hello, Ben' };
    expect((await createClient(cluster.url, member).post(path, said)).body).toMatchObject({
      status: 'succeeded',
      reply: said,
    });
    expect((await createClient(cluster.url, viewer).post(path, said)).status).toBe(403);
    expect((await createClient(cluster.url, viewer).get('/v1/agents')).status).toBe(200);
    expect((await createClient(cluster.url, revoked).get('/v1/agents')).status).toBe(401);
    const { requests } = surroundings.model;
    const sent = new Set(
      requests.map(({ headers }) => headers['x-api-key'] ?? headers.authorization?.replace('Bearer ', '')),
    );
    expect(sent).toEqual(new Set([secrets.modelKey]));
    const { data: channels } = await read('/v1/channels');
    expect(channels).toHaveLength(8);
  });

  it('people write on, where they did before', async () => {
    const { program, telegram } = surroundings;
    const { pairing, web, program: programChannel } = staged.channels;
    const post = async (hookPath: string, thread: string, text: string) => {
      const sender = { id: thread, name: thread };
      const { status } = await program.post(
        cluster.url + hookPath,
        { thread, sender, text },
        `after-${text}`,
      );
      expect(status).toBeLessThan(300);
    };
    // Pat was approved, Quinn has a code, and Rae was to be told one.
    await post(pairing.hookPath, 'pat', 'Pat again');
    const path = `/v1/channels/${pairing.id}/pairings`;
    const approve = async (code: string) => (await cluster.owner.post(path, { code })).status;
    // A version that stores codes in another way may ask for a new one.
    if ((await approve(staged.pairingCode)) !== 200) {
      await post(pairing.hookPath, 'quinn', 'Quinn again');
      await until('there is another code', () => codeIn(shown('quinn')) !== undefined);
      expect(await approve(codeIn(shown('quinn'))!)).toBe(200);
    }
    await post(pairing.hookPath, 'quinn', 'Quinn at last');
    await post(programChannel.hookPath, 'ann', 'Ann again');
    // The updates that were confirmed before, and one more.
    for (let at = 0; at < 3; at += 1) await telegram.say('Hello from Telegram', { message_id: 1001 });
    await telegram.say('Ann from Telegram', { message_id: 5000 });
    const visitor = await startVisitor(cluster.url, web);
    const seen = await visitor.watch();
    await visitor.say('Hello from the page');
    // One answer may be to several messages.
    const answered = () => ({
      pat: shown('pat').join().includes('Pat again'),
      quinn: shown('quinn').join().includes('Quinn at last'),
      rae: codeIn(shown('rae')) !== undefined,
      ann: shown('ann').join().includes('Ann again'),
      bot: telegram.shown().some(({ text }) => text === 'Ann from Telegram'),
      page: seen.texts('agent').length === 1,
    });
    const all = { pat: true, quinn: true, rae: true, ann: true, bot: true, page: true };
    await expect.poll(answered).toEqual(all);
    seen.leave();
    expect(telegram.shown().map(({ text }) => text)).not.toContain('Hello from Telegram');
  });

  it('requests that are repeated under their Idempotency-Keys get their first answers', async () => {
    for (const { path, body, key, status, answer } of staged.repeated) {
      const again = await cluster.owner.post(path, body, { 'idempotency-key': key });
      expect(again).toMatchObject({ status, body: answer });
    }
    expect(requestsWith('Said once')).toHaveLength(1);
  });

  it('conversations go on with what was said, summarized and noted', async () => {
    const { talk, summary } = staged.conversations;
    expect(await saidIn(cluster.owner, talk)).toEqual(['user: Good morning', 'assistant: Good morning']);
    await ask(cluster.owner, staged.agents.ada, 'And now?', summary);
    const [request] = requestsWith('And now?');
    expect(JSON.stringify(request!.body)).toContain('They agreed on blue.');
    expect(JSON.stringify(request!.body)).not.toContain('said 10"');
    surroundings.model.script(({ toolResults }) =>
      toolResults.length > 0
        ? { text: toolResults.join() }
        : { toolCalls: [{ name: 'notes.read', arguments: { name: 'note' } }] },
    );
    const { reply } = await ask(cluster.owner, staged.agents.ada, 'What do you know?');
    expect(reply?.text).toContain('kept by note');
  });

  it('what budgets say is used is what the ledger sums up to', async () => {
    const { totals } = await read('/v1/usage');
    const limits: {
      budget: { scope: string; unit: 'usd' | 'tokens' | 'runs' };
      accounts: { used: string }[];
    }[] = (await read('/v1/limits')).data;
    const sums = {
      usd: Number(totals.costUsd),
      tokens: totals.inputTokens + totals.outputTokens,
      runs: totals.runs,
    };
    const ofTeam = limits.filter(({ budget }) => budget.scope === 'team');
    expect(ofTeam).toHaveLength(4);
    for (const { budget, accounts } of ofTeam) {
      expect([budget.unit, Number(accounts[0]!.used)]).toEqual([budget.unit, sums[budget.unit]]);
    }
  });
});
