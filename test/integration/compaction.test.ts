/** Conversations that outgrow what a model is shown: their older part is summarized, and nothing is forgotten silently. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  connectModel,
  createAgent,
  type Product,
  readEvents,
  runEnd,
  say,
  startProduct,
  stepsOf,
} from '../support/api/index.ts';
import { type ModelServer, type RecordedRequest, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let talker: ModelServer;
let keeper: ModelServer;
let agentId: string;
let models: { talker: string; keeper: string };

beforeAll(async () => {
  [product, talker, keeper] = await Promise.all([startProduct(), startModelServer(), startModelServer()]);
  await product.startWorker();
  models = {
    talker: await connectModel(product.owner, talker),
    keeper: await connectModel(product.owner, keeper),
  };
  const routes = [{ when: { task: 'compaction' }, targets: [{ model: models.keeper }] }];
  agentId = await createAgent(product.owner, { model: { targets: [{ model: models.talker }], routes } });
});

beforeEach(() => {
  talker.reset();
  keeper.reset();
  keeper.script(() => ({ text: 'They agreed on blue.' }));
});

afterAll(() => Promise.all([product.close(), talker.close(), keeper.close()]));

/** A conversation in which `count` messages were exchanged, the n-th of them "said n". */
async function conversation(count: number): Promise<string> {
  const { conversationId } = await ask(product.owner, agentId, 'said 1');
  await product.sql(
    `INSERT INTO message (id, conversation_id, seq, role, content)
     SELECT uuidv7(), $1, n, (CASE n % 2 WHEN 1 THEN 'user' ELSE 'assistant' END)::message_role,
       jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'said ' || n))
     FROM generate_series(3, $2::int) AS n`,
    [conversationId, count],
  );
  await product.sql(`UPDATE conversation SET next_seq = $2 + 1 WHERE id = $1`, [conversationId, count]);
  talker.reset();
  return conversationId;
}

const textsOf = ({ body }: RecordedRequest): string[] =>
  body.messages
    .filter(({ role }: { role: string }) => role !== 'system')
    .map(({ content }: { content: string | { text: string }[] }) =>
      typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    );

describe('a long conversation', () => {
  it('is summarized by the model of its route, and the newest messages stay as they are', async () => {
    const conversationId = await conversation(210);
    const { runId, reply } = await ask(product.owner, agentId, 'and now?', conversationId);
    expect(reply).toEqual({ text: 'and now?' });

    expect(keeper.requests).toHaveLength(1);
    const read = keeper.requests[0]!.userText;
    expect(read).toContain('user: said 1\n');
    expect(read).toContain('assistant: said 160\n');
    expect(read).not.toContain('said 161\n');

    expect(talker.requests).toHaveLength(1);
    const shown = textsOf(talker.requests[0]!);
    // The wire joins what a user says in a row.
    expect(shown[0]).toMatch(/They agreed on blue\.\s*said 161$/);
    expect(shown.slice(1)).toEqual([
      ...Array.from({ length: 49 }, (_, at) => `said ${162 + at}`),
      'and now?',
    ]);

    const steps = await stepsOf(product.owner, runId);
    expect(steps.map(({ index, status }: { index: number; status: string }) => [index, status])).toEqual([
      [0, 'succeeded'],
      [1, 'succeeded'],
    ]);
    expect(steps[0]).toMatchObject({
      input: { task: 'compaction' },
      modelAttempts: [{ task: 'compaction', outcome: 'ok' }],
    });
    expect(await runEnd(product.owner, runId)).toMatchObject({ model: models.talker, warnings: [] });
    // Whoever watches sees the answer, and not what was only for the model.
    const events = await readEvents(product.owner, runId);
    const text = events.filter(({ event }) => event === 'text.delta').map(({ data }) => data.text);
    expect(text.join('')).toBe('and now?');
    // People still read everything.
    const page = await product.owner.get(`/v1/conversations/${conversationId}/messages?limit=100`);
    expect(page.body.data).toHaveLength(100);
  });

  it('goes on with its summary, which the next one takes in', async () => {
    const conversationId = await conversation(210);
    await ask(product.owner, agentId, 'first', conversationId);
    await ask(product.owner, agentId, 'second', conversationId);
    expect(keeper.requests).toHaveLength(1);
    expect(textsOf(talker.requests[1]!)[0]).toContain('They agreed on blue.');

    await product.sql(
      `INSERT INTO message (id, conversation_id, seq, role, content)
       SELECT uuidv7(), $1, c.next_seq + n, 'user', '[{"type": "text", "text": "more"}]'
       FROM conversation c, generate_series(0, 199) AS n WHERE c.id = $1`,
      [conversationId],
    );
    await product.sql(`UPDATE conversation SET next_seq = next_seq + 200 WHERE id = $1`, [conversationId]);
    keeper.script(() => ({ text: 'Blue, and then green.' }));
    await ask(product.owner, agentId, 'third', conversationId);
    expect(keeper.requests[1]!.userText).toContain('<summary>\nThey agreed on blue.\n</summary>');
    expect(textsOf(talker.requests[2]!)[0]).toContain('Blue, and then green.');
  });

  it('keeps what a client said to the model as such', async () => {
    const conversationId = await conversation(210);
    await product.sql(
      `UPDATE message SET role = 'system', content = '[{"type": "text", "text": "Speak Latin."}]'
       WHERE conversation_id = $1 AND seq = 30`,
      [conversationId],
    );
    for (const text of ['first', 'second']) await ask(product.owner, agentId, text, conversationId);
    expect(keeper.requests[0]!.userText).not.toContain('Latin');
    for (const { body } of talker.requests) expect(body.messages[0].content).toContain('Speak Latin.');
  });

  it('that overflows a window that nobody knew is summarized then, and asked again', async () => {
    const conversationId = await conversation(60);
    await product.sql(
      `UPDATE message SET content = jsonb_build_array(jsonb_build_object('type', 'text', 'text', repeat('word ', 2000)))
       WHERE conversation_id = $1 AND seq > 20`,
      [conversationId],
    );
    talker.script((_request, count) =>
      count === 0 ? { status: 400, code: 'context_length_exceeded', message: 'Too long' } : { text: 'Blue.' },
    );
    const { runId, reply } = await ask(product.owner, agentId, 'which colour?', conversationId);
    expect(reply).toEqual({ text: 'Blue.' });
    const steps = await stepsOf(product.owner, runId);
    expect(
      steps.map(({ status, input }: { status: string; input: { task?: string } }) => [status, input.task]),
    ).toEqual([
      ['failed', undefined],
      ['succeeded', 'compaction'],
      ['succeeded', undefined],
    ]);
    // It is more than a small model reads at once: piece by piece, each with the summary of those before.
    expect(keeper.requests.length).toBeGreaterThan(1);
    expect(keeper.requests[1]!.userText).toContain('They agreed on blue.');
  });

  it('is answered all the same when it cannot be summarized, and the run says so', async () => {
    keeper.script(() => ({ status: 400, message: 'Out of order' }));
    const conversationId = await conversation(210);
    const { runId, reply } = await ask(product.owner, agentId, 'and now?', conversationId);
    expect(reply).toEqual({ text: 'and now?' });
    expect(textsOf(talker.requests[0]!)).toHaveLength(211);
    expect((await runEnd(product.owner, runId)).warnings).toEqual([
      expect.stringMatching(/could not be summarized.*Out of order/),
    ]);
  });

  it('is answered all the same when its summary cannot be stored, and the summary is paid for once', async () => {
    const conversationId = await conversation(210);
    await product.sql(
      `ALTER TABLE conversation_summary ADD CONSTRAINT refusal CHECK (text <> 'They agreed on blue.') NOT VALID`,
    );
    const { status, runId } = await ask(product.owner, agentId, 'and now?', conversationId);
    await product.sql('ALTER TABLE conversation_summary DROP CONSTRAINT refusal');
    expect(status).toBe('succeeded');
    expect(await stepsOf(product.owner, runId)).toMatchObject([
      {
        status: 'failed',
        error: { code: 'output_not_stored' },
        modelAttempts: [{ task: 'compaction', outcome: 'ok' }],
      },
      { status: 'succeeded', modelAttempts: [{ task: 'turn', outcome: 'ok' }] },
    ]);
    const { warnings } = (await product.owner.get(`/v1/runs/${runId}`)).body;
    expect(warnings).toEqual([expect.stringContaining('could not be summarized')]);
  });

  it('that is summarized by a vendor that does not count is charged for it', async () => {
    keeper.script(() => ({ text: 'They agreed on\0 blue.', usage: null }));
    const { runId } = await ask(product.owner, agentId, 'and now?', await conversation(210));
    const [{ modelAttempts }] = await stepsOf(product.owner, runId);
    expect(modelAttempts).toMatchObject([{ task: 'compaction', outcome: 'ok', estimated: true }]);
    expect(modelAttempts[0].usage.input).toBeGreaterThan(500);
    expect(textsOf(talker.requests[0]!)[0]).toContain('They agreed on blue.');
  });

  it('is cancelled while it is summarized', async () => {
    keeper.script(() => ({ fault: 'hang' }));
    const conversationId = await conversation(210);
    const { runId } = await say(product.owner, agentId, 'and now?', conversationId);
    await expect.poll(() => keeper.requests.length).toBe(1);
    await product.owner.post(`/v1/runs/${runId}/cancel`);
    expect(await runEnd(product.owner, runId)).toMatchObject({ status: 'cancelled' });
    await keeper.requests[0]!.finished;
    expect(keeper.requests[0]!.closedEarly).toBe(true);
    expect(talker.requests).toEqual([]);
  });

  it('is estimated as it will be shown', async () => {
    const conversationId = await conversation(210);
    const estimate = async () =>
      (await product.owner.post(`/v1/agents/${agentId}/estimate`, { text: 'and now?', conversationId })).body
        .inputTokens;
    const before = await estimate();
    await ask(product.owner, agentId, 'and now?', conversationId);
    expect(await estimate()).toBeLessThan(before);
  });
});
