import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  runEnd,
  saidIn,
  say,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, type RecordedRequest, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let model: string;
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  model = await connectModel(product.owner, server);
  agentId = await createAgent(product.owner, { model, queueMode: 'followup' });
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const messagesPath = () => `/v1/agents/${agentId}/messages`;
const asked = () => expect.poll(() => server.requests.length, { timeout: 5_000 });

/** The conversation that a model was shown. */
const spokenTo = ({ body }: RecordedRequest): string[] =>
  body.messages
    .filter(({ role }: { role: string }) => role !== 'system')
    .map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`);

describe('a message', () => {
  it('is accepted at once and answered later', async () => {
    const { conversationId, messageId, runId } = await say(product.owner, agentId, 'Good morning\nand more');
    expect(await runEnd(product.owner, runId)).toMatchObject({
      agentId,
      conversationId,
      trigger: 'api',
      status: 'succeeded',
      attempt: 1,
      model,
      error: null,
      warnings: [],
    });
    expect((await product.owner.get(`/v1/conversations/${conversationId}`)).body).toMatchObject({
      id: conversationId,
      agentId,
      title: 'Good morning',
      messageCount: 2,
    });
    const { data } = (await product.owner.get(`/v1/conversations/${conversationId}/messages`)).body;
    expect(data).toMatchObject([
      { seq: 2, role: 'assistant', text: 'Good morning\nand more', runId },
      { seq: 1, role: 'user', text: 'Good morning\nand more', runId, id: messageId },
    ]);
  });

  it('is answered in the call that waits', async () => {
    const reply = await ask(product.owner, agentId, 'echo this');
    expect(reply).toMatchObject({ status: 'succeeded', reply: { text: 'echo this' }, error: null });
  });

  it('is still answered when nobody waits long enough', async () => {
    server.script([{ text: 'late', delayMs: 1_500 }]);
    const answer = await product.owner.post(`${messagesPath()}?wait=1`, { text: 'hurry' });
    expect(answer.status).toBe(202);
    expect(answer.body).not.toHaveProperty('reply');
    await runEnd(product.owner, answer.body.runId);
    expect(await saidIn(product.owner, answer.body.conversationId)).toEqual([
      'user: hurry',
      'assistant: late',
    ]);
  });

  it('carries what was said before', async () => {
    const { conversationId } = await ask(product.owner, agentId, 'one');
    await ask(product.owner, agentId, 'two', conversationId);
    const said = server.requests[1]!.body.messages.filter(({ role }: { role: string }) => role !== 'system');
    expect(said.map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`)).toEqual(
      ['user: one', 'assistant: one', 'user: two'],
    );
  });

  it('keeps every character', async () => {
    const text = 'Grüße 你好 👩‍👩‍👧 \u202E " \\ \t end';
    expect((await ask(product.owner, agentId, text)).reply).toEqual({ text });
  });

  it('says why it was not answered', async () => {
    server.script([
      { status: 404, message: 'The model `test-model` does not exist.', code: 'model_not_found' },
    ]);
    expect(await ask(product.owner, agentId, 'hello')).toMatchObject({
      status: 'failed',
      reply: null,
      error: { code: 'model_model', hint: expect.stringContaining("Change the agent's model") },
    });
  });

  it('needs an agent, and a conversation of that agent', async () => {
    const other = await createAgent(product.owner, { model });
    const { conversationId } = await ask(product.owner, agentId, 'hello');
    const notFound = { status: 404, body: expect.objectContaining({ code: 'not_found' }) };
    const send = (agent: string, conversation?: string) =>
      product.owner.post(`/v1/agents/${agent}/messages`, { text: 'x', conversationId: conversation });
    expect(await send(other, conversationId)).toMatchObject(notFound);
    expect(await send(agentId, agentId)).toMatchObject(notFound);
    expect(await send('00000000-0000-7000-8000-000000000000')).toMatchObject(notFound);
    expect((await product.owner.get(`/v1/conversations/${conversationId}`)).body.messageCount).toBe(2);
  });
});

describe('many at once', () => {
  it('answers what comes to one conversation in its order, and loses nothing', async () => {
    const { conversationId } = await ask(product.owner, agentId, 'begin');
    const texts = Array.from({ length: 8 }, (_, index) => `message ${index}`);
    const accepted = await Promise.all(
      texts.map((text) => say(product.owner, agentId, text, conversationId)),
    );
    const runs = [...new Set(accepted.map(({ runId }) => runId))];
    for (const run of runs) expect((await runEnd(product.owner, run)).status).toBe('succeeded');

    const { data } = (await product.owner.get(`/v1/conversations/${conversationId}/messages`)).body;
    const said = data.toReversed().slice(2) as { seq: number; role: string; text: string; runId: string }[];
    expect(
      said
        .filter(({ role }) => role === 'user')
        .map(({ text }) => text)
        .sort(),
    ).toEqual(texts);
    expect(said.map(({ seq }) => seq)).toEqual(said.map((_, index) => index + 3));
    // Each run has one answer, after all that it answers, and the runs answer in the order they were asked.
    const answers = said.filter(({ role }) => role === 'assistant');
    expect(answers.map(({ runId }) => runId).sort()).toEqual(runs.sort());
    const questions = answers.map(({ runId }) => said.filter((m) => m.role === 'user' && m.runId === runId));
    expect(questions.flat()).toEqual(said.filter(({ role }) => role === 'user'));
    for (const [index, answer] of answers.entries()) {
      expect(answer.seq).toBeGreaterThan(questions[index]!.at(-1)!.seq);
      expect(answer.text).toBe(questions[index]!.map(({ text }) => text).join('\n\n'));
    }
  });

  it('gives what comes during a run a run of its own, afterwards', async () => {
    server.script([{ text: 'first answer', delayMs: 500 }]);
    const first = await say(product.owner, agentId, 'first');
    await asked().toBe(1);
    const second = await say(product.owner, agentId, 'second', first.conversationId);
    const third = await say(product.owner, agentId, 'third', first.conversationId);
    expect(second.runId).not.toBe(first.runId);
    expect(third.runId).toBe(second.runId);
    await runEnd(product.owner, second.runId);
    expect(server.requests).toHaveLength(2);
    expect(spokenTo(server.requests[0]!)).toEqual(['user: first']);
    expect(spokenTo(server.requests[1]!)).toEqual([
      'user: first',
      'assistant: first answer',
      'user: second\n\nthird',
    ]);
    expect(await saidIn(product.owner, first.conversationId)).toEqual([
      'user: first',
      'user: second',
      'user: third',
      'assistant: first answer',
      'assistant: second\n\nthird',
    ]);
  });

  it('answers thirty conversations, each its own', async () => {
    server.script((request) => ({ text: request.userText, delayMs: 100 }));
    const texts = Array.from({ length: 30 }, (_, index) => `conversation ${index}`);
    const replies = await Promise.all(texts.map((text) => ask(product.owner, agentId, text)));
    expect(replies.map(({ reply }) => reply?.text)).toEqual(texts);
    expect(server.requests).toHaveLength(30);
  });
});

describe('a deleted agent', () => {
  it('takes no message, and ends what waited', async () => {
    const doomed = await createAgent(product.owner, { model, queueMode: 'followup' });
    server.script([{ text: 'in time', delayMs: 500 }]);
    const running = await say(product.owner, doomed, 'first');
    await asked().toBe(1);
    const waiting = await say(product.owner, doomed, 'second', running.conversationId);
    await product.owner.expect(204, product.owner.delete(`/v1/agents/${doomed}`));

    const late = await product.owner.post(`/v1/agents/${doomed}/messages`, { text: 'third' });
    expect(late.status).toBe(404);
    expect(await runEnd(product.owner, running.runId)).toMatchObject({ status: 'succeeded' });
    expect(await runEnd(product.owner, waiting.runId)).toMatchObject({
      status: 'failed',
      error: { code: 'agent_deleted' },
    });
    expect(server.requests).toHaveLength(1);
    const retried = await product.owner.post(`/v1/runs/${waiting.runId}/retry`);
    expect(retried).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});

describe('cancelling', () => {
  const cancel = (runId: string) => product.owner.post(`/v1/runs/${runId}/cancel`);

  it('stops a running run: the model is hung up on, and nothing is said', async () => {
    server.script([{ text: 'never', fault: 'hang-after' }]);
    const { runId, conversationId } = await say(product.owner, agentId, 'stop me');
    await asked().toBe(1);
    expect((await cancel(runId)).status).toBe(202);
    const run = await runEnd(product.owner, runId);
    expect(run).toMatchObject({ status: 'cancelled', error: null, endedAt: expect.any(String) });
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
    expect(await saidIn(product.owner, conversationId)).toEqual(['user: stop me']);
    // The lane is free: the next message is answered.
    expect((await ask(product.owner, agentId, 'go on', conversationId)).reply?.text).toContain('go on');
  });

  it('ends a waiting run at once, and it never starts', async () => {
    server.script([{ text: 'first', delayMs: 600 }]);
    const running = await say(product.owner, agentId, 'one');
    await asked().toBe(1);
    const waiting = await say(product.owner, agentId, 'two', running.conversationId);
    expect((await cancel(waiting.runId)).body).toMatchObject({ status: 'cancelled', startedAt: null });
    await runEnd(product.owner, running.runId);
    expect(await saidIn(product.owner, running.conversationId)).toEqual([
      'user: one',
      'user: two',
      'assistant: first',
    ]);
    expect(server.requests).toHaveLength(1);
  });

  it('refuses when the run has ended', async () => {
    const { runId } = await ask(product.owner, agentId, 'done');
    expect(await cancel(runId)).toMatchObject({ status: 409, body: { code: 'run_final' } });
    expect((await runEnd(product.owner, runId)).status).toBe('succeeded');
  });
});

describe('retrying', () => {
  const retry = (runId: string) => product.owner.post(`/v1/runs/${runId}/retry`);

  it('goes on after the last finished step: what was answered is not asked again', async () => {
    server.script([
      { toolCalls: [{ name: 'time.now', arguments: { timezone: 'Europe/Berlin' } }] },
      { status: 400, message: 'broken today' },
      { text: 'It is late.' },
    ]);
    const { runId, error } = await ask(product.owner, agentId, 'What time is it?');
    expect(error).toMatchObject({ code: 'model_request' });
    const before = await stepsOf(product.owner, runId);

    expect((await retry(runId)).body).toMatchObject({ id: runId, attempt: 2, error: null, endedAt: null });
    expect(await runEnd(product.owner, runId)).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      error: null,
      usage: { attempts: 3 },
    });
    expect(server.requests).toHaveLength(3);
    expect(server.requests[2]!.toolResults).toEqual([expect.stringContaining('Europe/Berlin')]);
    const after = await stepsOf(product.owner, runId);
    expect(after.map(({ kind, status }: { kind: string; status: string }) => `${kind} ${status}`)).toEqual([
      'model succeeded',
      'tool succeeded',
      'model succeeded',
    ]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
  });

  it('goes on with a cancelled run', async () => {
    server.script([{ fault: 'hang' }, { text: 'after all' }]);
    const { runId } = await say(product.owner, agentId, 'once more');
    await asked().toBe(1);
    await product.owner.post(`/v1/runs/${runId}/cancel`);
    await runEnd(product.owner, runId);
    expect((await retry(runId)).status).toBe(202);
    expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('refuses while it runs, and when it succeeded', async () => {
    server.script([{ text: 'ok', delayMs: 500 }]);
    const { runId } = await say(product.owner, agentId, 'hello');
    expect(await retry(runId)).toMatchObject({ status: 409, body: { code: 'run_not_final' } });
    await runEnd(product.owner, runId);
    expect(await retry(runId)).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});
