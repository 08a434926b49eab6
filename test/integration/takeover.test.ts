/** A worker that is gone: what it finished stands, what it began is decided by the next, and it can write no more. */
import type { AssistantMessage } from '@nightshift/contracts';
import { newId } from '@nightshift/core/database';
import { acceptFirst } from '@nightshift/core/inbox';
import {
  beginStep,
  claimRun,
  endRun,
  finishStep,
  type JournalScope,
  LaneLostError,
  type LedgerEntry,
  type StepResult,
  settleLostLedger,
  settleStepLedger,
} from '@nightshift/core/runs';
import { defineTool, type ToolEffect } from '@nightshift/tools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Accepted,
  connectModel,
  createAgent,
  type Product,
  runEnd,
  saidIn,
  say,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let agentId: string;
let worker: { close(): Promise<void> } | undefined;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  agentId = await createAgent(product.owner, { model: await connectModel(product.owner, server) });
});

beforeEach(async () => {
  // What a test has left open, the worker of the next one would take over.
  await product.sql('DELETE FROM conversation');
  server.reset();
});

afterEach(async () => {
  await worker?.close();
  worker = undefined;
});

afterAll(() => Promise.all([product.close(), server.close()]));

async function claim({ conversationId, runId }: Accepted): Promise<JournalScope> {
  const run = await claimRun(product.db, conversationId, 'a worker that vanishes');
  expect(run?.id).toBe(runId);
  return { lane: run!.lane, runId, teamId: product.id, agentId };
}

const expire = ({ conversationId }: Accepted) =>
  product.sql(`UPDATE conversation SET lease_until = now() - interval '1 second' WHERE id = $1`, [
    conversationId,
  ]);

const asked = { kind: 'model', name: 'fake/test-model', input: { throughSeq: 1 } } as const;

function answered(index: number, content: AssistantMessage['content']): StepResult {
  return {
    index,
    status: 'succeeded',
    output: { message: { role: 'assistant', content }, stop: 'toolCalls' },
    error: null,
    usage: null,
    ledger: [],
  };
}

const callOf = (name: string) => ({ type: 'toolCall' as const, id: 'call_1', name, arguments: {} });

/** A tool that counts how often it runs. */
function countingTool(name: string, effect: ToolEffect) {
  const keys: string[] = [];
  const tool = defineTool({
    name,
    description: 'For the test.',
    input: z.strictObject({}),
    effect,
    async execute(_input, { idempotencyKey }) {
      keys.push(idempotencyKey);
      return `${name} ran`;
    },
  });
  return { tool, keys };
}

const paid = (id: string): LedgerEntry => ({
  id,
  task: 'turn',
  provider: 'fake',
  model: 'm',
  answeredModel: null,
  wire: 'openai-chat',
  credentialId: null,
  outcome: 'ok',
  detail: null,
  usage: { input: 700, cachedInput: 0, cacheWrite: 0, output: 50, reasoning: 0 },
  estimated: false,
  costUsd: '1',
  costReported: false,
  firstTokenMs: null,
  durationMs: 1,
  startedAt: new Date(),
});

/** So that no worker of another test goes on with the run. */
async function cancel(scope: JournalScope) {
  const end = {
    status: 'cancelled',
    error: null,
    model: null,
    warnings: [],
    reply: null,
    seenSeq: 1,
  } as const;
  expect(await endRun(product.db, scope, end, null)).not.toBeNull();
}

describe('the ledger', () => {
  it('has a call once, however often it is written and whoever takes the run over meanwhile', async () => {
    const budget = {
      name: 'Tokens',
      scope: 'agent',
      scopeId: agentId,
      window: 'day',
      unit: 'tokens',
      max: '9999999',
    };
    const { id: budgetId } = await product.owner.expect(201, product.owner.post('/v1/budgets', budget));
    const used = async () =>
      Number(
        (await product.sql('SELECT sum(used) FROM budget_slot WHERE budget_id = $1', [budgetId]))[0].sum,
      );
    // It counts from the ledger on, with what the tests before have used.
    const before = await used();
    const accepted = await say(product.owner, agentId, 'hello');
    const scope = await claim(accepted);
    await beginStep(product.db, scope, { index: 0, ...asked });
    const step = { ...answered(0, [{ type: 'text', text: 'hello' }]), ledger: [paid(newId())] };
    // What could not be written with its step, and then not be told to have been written.
    await settleStepLedger(product.db, scope, step);
    await settleStepLedger(product.db, scope, step);
    await finishStep(product.db, scope, step);
    await expire(accepted);
    const next = await claim(accepted);
    await expect(settleStepLedger(product.db, scope, step)).rejects.toEqual(expect.any(LaneLostError));
    await settleStepLedger(product.db, next, step);
    await settleLostLedger(product.db, scope, step);

    const rows = await product.sql('SELECT input_tokens, runs FROM usage_entry WHERE run_id = $1', [
      accepted.runId,
    ]);
    expect(rows).toEqual([{ input_tokens: 700, runs: 1 }]);
    expect((await used()) - before).toBe(750);
    await product.owner.expect(204, product.owner.delete(`/v1/budgets/${budgetId}`));
    await cancel(next);
  });

  it('has the calls of a worker that has lost the lane, and leaves what the next one has reserved', async () => {
    const accepted = await say(product.owner, agentId, 'hello');
    const scope = await claim(accepted);
    await beginStep(product.db, scope, { index: 0, ...asked });
    await expire(accepted);
    const next = await claim(accepted);
    const open = () => product.sql('SELECT status FROM step WHERE run_id = $1', [accepted.runId]);
    await settleLostLedger(product.db, scope, { index: 0, ledger: [paid(newId())] });
    await settleStepLedger(product.db, next, { index: 0, ledger: [paid(newId())] });

    const rows = await product.sql(
      'SELECT input_tokens, runs FROM usage_entry WHERE run_id = $1 ORDER BY runs',
      [accepted.runId],
    );
    expect(rows).toEqual([
      { input_tokens: 700, runs: 0 },
      { input_tokens: 700, runs: 1 },
    ]);
    expect(await open()).toEqual([{ status: 'started' }]);
    await cancel(next);
  });

  it('takes whatever a vendor said into a row', async () => {
    const accepted = await say(product.owner, agentId, 'hello');
    const scope = await claim(accepted);
    await beginStep(product.db, scope, { index: 0, ...asked });
    const entry = {
      ...paid(newId()),
      detail: 'a\0b\ud800',
      answeredModel: '\udc00',
      usage: null,
      estimated: true,
    };
    await settleStepLedger(product.db, scope, { index: 0, ledger: [entry] });
    expect(
      await product.sql('SELECT detail, answered_model, estimated FROM usage_entry WHERE id = $1', [
        entry.id,
      ]),
    ).toEqual([{ detail: 'ab\ufffd', answered_model: '\ufffd', estimated: true }]);
    await cancel(scope);
  });
});

it('a run that is over has no open steps, whatever ended it', async () => {
  const accepted = await say(product.owner, agentId, 'hello');
  const scope = await claim(accepted);
  await beginStep(product.db, scope, { index: 0, ...asked });
  await finishStep(product.db, scope, answered(0, [callOf('a'), callOf('b')]));
  for (const index of [1, 2])
    await beginStep(product.db, scope, {
      index,
      kind: 'tool',
      name: 'a',
      input: { callId: 'c', arguments: {} },
    });
  const error = { code: 'crash_loop', message: 'It crashed.' };
  const end = { status: 'failed', error, model: null, warnings: [], reply: null, seenSeq: 1 } as const;
  expect(await endRun(product.db, scope, end, null)).toMatchObject({ more: false });
  expect(await stepsOf(product.owner, accepted.runId)).toMatchObject([
    { index: 0, status: 'succeeded', error: null },
    { index: 1, status: 'failed', error, output: null, endedAt: expect.any(String) },
    { index: 2, status: 'failed', error, output: null, endedAt: expect.any(String) },
  ]);
});

describe('the next worker', () => {
  it('goes on after the last finished step, and repeats nothing', async () => {
    const accepted = await say(product.owner, agentId, 'What time is it?');
    const scope = await claim(accepted);
    await beginStep(product.db, scope, { index: 0, ...asked });
    await finishStep(product.db, scope, answered(0, [callOf('time.now')]));
    const input = { callId: 'call_1', arguments: {} };
    await beginStep(product.db, scope, { index: 1, kind: 'tool', name: 'time.now', input });
    await finishStep(product.db, scope, {
      index: 1,
      status: 'succeeded',
      output: {
        type: 'toolResult',
        callId: 'call_1',
        name: 'time.now',
        content: [{ type: 'text', text: 'half past' }],
        isError: false,
      },
      error: null,
      usage: null,
      ledger: [],
    });
    await beginStep(product.db, scope, { index: 2, ...asked });
    await expire(accepted);

    server.script([{ text: 'Half past.' }]);
    worker = await product.startWorker();
    expect(await runEnd(product.owner, accepted.runId)).toMatchObject({
      status: 'succeeded',
      attempt: 1,
      warnings: [],
    });
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]!.toolResults).toEqual(['half past']);
    const steps = await stepsOf(product.owner, accepted.runId);
    expect(steps.map(({ attempts }: { attempts: number }) => attempts)).toEqual([1, 1, 2]);
    expect(await saidIn(product.owner, accepted.conversationId)).toEqual([
      'user: What time is it?',
      'assistant: Half past.',
    ]);
  });

  it('waits for the lease of a worker that may still live', async () => {
    const accepted = await say(product.owner, agentId, 'hello');
    await claim(accepted);
    expect(await claimRun(product.db, accepted.conversationId, 'another')).toBeNull();
    await expire(accepted);
    expect((await claimRun(product.db, accepted.conversationId, 'another'))?.takenOver).toBe(true);
  });

  it.each([
    ['none', 1],
    ['idempotent', 1],
    ['once', 0],
  ] as const)('finds a tool of effect %s begun: it runs %i more time', async (effect, times) => {
    const { tool, keys } = countingTool('mail.send', effect);
    const accepted = await say(product.owner, agentId, 'Send it');
    const scope = await claim(accepted);
    await beginStep(product.db, scope, { index: 0, ...asked });
    await finishStep(product.db, scope, answered(0, [callOf('mail.send')]));
    const input = { callId: 'call_1', arguments: {} };
    await beginStep(product.db, scope, { index: 1, kind: 'tool', name: 'mail.send', input });
    await expire(accepted);

    server.script([{ text: 'Well.' }]);
    worker = await product.startWorker({ tools: [tool] });
    const run = await runEnd(product.owner, accepted.runId);
    expect(run.status).toBe('succeeded');
    // The same key as the first time, so that a tool can tell a repetition.
    expect(keys).toEqual(Array(times).fill(`${accepted.runId}:1`));
    expect(run.warnings).toEqual(
      times === 0 ? ['mail.send was interrupted; whether it took effect is unknown.'] : [],
    );
    expect(server.requests[0]!.toolResults).toEqual([
      times === 0 ? expect.stringContaining('Whether it took effect is unknown') : 'mail.send ran',
    ]);
    const [, step] = await stepsOf(product.owner, accepted.runId);
    expect(step).toMatchObject({ attempts: 2, status: times === 0 ? 'failed' : 'succeeded' });
  });

  it('gives up on a step that ended five workers, and lets a person try again', async () => {
    const accepted = await say(product.owner, agentId, 'hello');
    for (let crash = 1; crash <= 5; crash += 1) {
      const { attempts } = await beginStep(product.db, await claim(accepted), { index: 0, ...asked });
      expect(attempts).toBe(crash);
      await expire(accepted);
    }
    worker = await product.startWorker();
    expect(await runEnd(product.owner, accepted.runId)).toMatchObject({
      status: 'failed',
      error: { code: 'crash_loop', hint: expect.any(String) },
    });
    expect(server.requests).toEqual([]);

    await product.owner.post(`/v1/runs/${accepted.runId}/retry`);
    expect(await runEnd(product.owner, accepted.runId)).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('is found by the sweep when no wake-up ever came', async () => {
    const accepted = await acceptFirst(product.db, {
      teamId: product.id,
      agentId,
      source: 'api',
      content: [{ type: 'text', text: 'nobody was woken' }],
      trigger: 'api',
    });
    await product.sql(`UPDATE run SET due_at = now() - interval '10 seconds' WHERE id = $1`, [
      accepted.runId,
    ]);
    worker = await product.startWorker();
    expect(await runEnd(product.owner, accepted.runId)).toMatchObject({ status: 'succeeded' });
  });
});

describe('a worker whose lane was taken over', () => {
  async function everything(runId: string): Promise<string> {
    const [row] = await product.sql(
      `SELECT jsonb_build_object(
         'run', (SELECT jsonb_agg(r) FROM run r WHERE r.id = $1),
         'steps', (SELECT jsonb_agg(s ORDER BY s.index) FROM step s WHERE s.run_id = $1),
         'messages', (SELECT jsonb_agg(m ORDER BY m.seq) FROM message m WHERE m.run_id = $1),
         'ledger', (SELECT jsonb_agg(u) FROM usage_entry u WHERE u.run_id = $1),
         'outbox', (SELECT jsonb_agg(d) FROM delivery d WHERE d.run_id = $1),
         'lane', (SELECT jsonb_agg(c) FROM conversation c JOIN run r ON r.conversation_id = c.id WHERE r.id = $1)
       )::text AS text`,
      [runId],
    );
    return row.text;
  }

  it('can write nothing more', async () => {
    const accepted = await say(product.owner, agentId, 'hello');
    const stale = await claim(accepted);
    await beginStep(product.db, stale, { index: 0, ...asked });
    await expire(accepted);
    await claim(accepted);
    const before = await everything(accepted.runId);

    const end = {
      status: 'succeeded',
      error: null,
      model: null,
      warnings: [],
      reply: { text: 'late' },
      seenSeq: 1,
    } as const;
    const result: StepResult = {
      ...answered(0, [{ type: 'text', text: 'late' }]),
      ledger: [paid(newId())],
    };
    const lost = expect.any(LaneLostError);
    await expect(beginStep(product.db, stale, { index: 1, ...asked })).rejects.toEqual(lost);
    await expect(finishStep(product.db, stale, result)).rejects.toEqual(lost);
    await expect(endRun(product.db, stale, end, result)).rejects.toEqual(lost);
    await expect(endRun(product.db, stale, end, null)).rejects.toEqual(lost);
    expect(await everything(accepted.runId)).toBe(before);
  });

  it('stops its model call, and says nothing', async () => {
    worker = await product.startWorker();
    server.script([{ text: 'never', fault: 'hang-after' }, { text: 'from the next one' }]);
    const accepted = await say(product.owner, agentId, 'hello');
    await expect.poll(() => server.requests.length).toBe(1);
    await product.sql(
      `UPDATE conversation SET epoch = epoch + 1, lease_owner = 'another', lease_until = now() + interval '1 minute'
       WHERE id = $1`,
      [accepted.conversationId],
    );
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
    expect((await product.owner.get(`/v1/runs/${accepted.runId}`)).body.status).toBe('running');
    expect(await saidIn(product.owner, accepted.conversationId)).toEqual(['user: hello']);

    await expire(accepted);
    await product.sql(`UPDATE run SET due_at = now() - interval '10 seconds' WHERE id = $1`, [
      accepted.runId,
    ]);
    await runEnd(product.owner, accepted.runId);
    expect(await saidIn(product.owner, accepted.conversationId)).toEqual([
      'user: hello',
      'assistant: from the next one',
    ]);
  });
});
