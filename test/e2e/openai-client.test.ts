/** The OpenAI-compatible door, through the client that people use: OpenAI's own. */
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  connectModel,
  createAgent,
  type Product,
  runEnd,
  saidIn,
  startProduct,
} from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

let product: Product;
let server: ModelServer;
let openai: OpenAI;
let agentId: string;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  const model = await connectModel(product.owner, server);
  agentId = await createAgent(product.owner, { name: 'owl', model, instructions: 'Hoot.' });
  openai = new OpenAI({ baseURL: `${product.url}/openai/v1`, apiKey: product.owner.key!, maxRetries: 0 });
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const user = (content: string) => ({ role: 'user' as const, content });
const latestRun = async () => (await product.owner.get('/v1/runs?limit=1')).body.data[0];

describe('models', () => {
  it('are the agents', async () => {
    const models = (await Array.fromAsync(await openai.models.list())).map(({ id }) => id);
    expect(models).toEqual(['owl']);
    expect(await openai.models.retrieve('owl')).toMatchObject({
      id: 'owl',
      object: 'model',
      owned_by: 'nightshift',
    });
    expect(await openai.models.retrieve(agentId)).toMatchObject({ id: 'owl' });
  });

  it('are not found by another name', async () => {
    await expect(openai.models.retrieve('eagle')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });
});

describe('chat completions', () => {
  it('answer, with what it took', async () => {
    server.script([{ text: 'Hoo.', usage: { input: 21, output: 4 } }]);
    const completion = await openai.chat.completions.create({ model: 'owl', messages: [user('Who?')] });
    expect(completion).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: 'owl',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hoo.' } }],
      usage: { prompt_tokens: 21, completion_tokens: 4, total_tokens: 25 },
    });
    expect(completion.created).toBeGreaterThan(1_700_000_000);
  });

  it("take what went before, and the client's system text beside the agent's own", async () => {
    await openai.chat.completions.create({
      model: 'owl',
      temperature: 0.2,
      messages: [
        { role: 'system', content: 'Speak softly.' },
        { role: 'developer', content: 'In verse.' },
        user('One'),
        { role: 'assistant', content: 'Two' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Thr' },
            { type: 'text', text: 'ee' },
          ],
        },
      ],
    });
    const [system, ...rest] = server.requests[0]!.body.messages;
    expect(system.content).toMatch(/"owl"[\s\S]*Hoot\.[\s\S]*Speak softly\.[\s\S]*In verse\./);
    expect(rest.map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`)).toEqual(
      ['user: One', 'assistant: Two', 'user: Three'],
    );
    const run = await latestRun();
    expect(await saidIn(product.owner, run.conversationId)).toHaveLength(6);
  });

  it('stream, and say at the end what it took', async () => {
    server.script([{ text: ['Hoo ', 'hoo ', 'hoo.'], chunkMs: 60, usage: { input: 21, output: 4 } }]);
    const stream = await openai.chat.completions.create({
      model: 'owl',
      messages: [user('Who?')],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ''));
    expect(deltas.join('')).toBe('Hoo hoo hoo.');
    expect(deltas.filter(Boolean).length).toBeGreaterThan(1);
    expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant');
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 21, total_tokens: 25 } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('let the agent use its tools on the way', async () => {
    server.script([{ text: 'Let me look.', toolCalls: [{ name: 'time.now' }] }, { text: 'Midnight.' }]);
    const stream = openai.chat.completions.stream({ model: 'owl', messages: [user('What time is it?')] });
    expect(await stream.finalContent()).toBe('Let me look.\n\nMidnight.');
  });

  it.each([
    ['a model that there is not', { model: 'eagle', messages: [user('hi')] }, 404, 'model'],
    [
      'tools of the client',
      {
        model: 'owl',
        messages: [user('hi')],
        tools: [{ type: 'function' as const, function: { name: 'f', parameters: {} } }],
      },
      400,
      'tools',
    ],
    [
      'a file that is only named',
      {
        model: 'owl',
        messages: [
          { role: 'user' as const, content: [{ type: 'file' as const, file: { file_id: 'file-1' } }] },
        ],
      },
      400,
      'messages.0.content.0.file.file_id',
    ],
    ['several answers', { model: 'owl', messages: [user('hi')], n: 2 }, 400, 'n'],
    ['nothing said', { model: 'owl', messages: [user('  ')] }, 400, 'messages'],
    [
      "the last word not the user's",
      { model: 'owl', messages: [{ role: 'assistant' as const, content: 'x' }] },
      400,
      'messages',
    ],
  ])('refuse %s', async (_what, body, status, param) => {
    const refused = { status, param, error: { message: expect.any(String), type: 'invalid_request_error' } };
    await expect(openai.chat.completions.create(body)).rejects.toMatchObject(refused);
    await expect(openai.chat.completions.create({ ...body, stream: true })).rejects.toMatchObject(refused);
    expect(server.requests).toEqual([]);
  });

  it('refuse a wrong key', async () => {
    const stranger = new OpenAI({ baseURL: openai.baseURL, apiKey: 'sk-wrong', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, type: 'authentication_error' });
  });

  it('say what went wrong with the model', async () => {
    const failed = { status: 404, message: 'No such model', code: 'model_not_found' };
    server.script([failed, failed]);
    const body = { model: 'owl', messages: [user('hi')] };
    await expect(openai.chat.completions.create(body)).rejects.toMatchObject({
      status: 400,
      code: 'model_model',
    });
    await expect(openai.chat.completions.create({ ...body, stream: true })).rejects.toMatchObject({
      status: 400,
      code: 'model_model',
    });
  });
});

describe('a client that leaves', () => {
  const left = async () => {
    const { id } = await latestRun();
    expect(await runEnd(product.owner, id)).toMatchObject({ status: 'cancelled' });
    await server.requests[0]!.finished;
    expect(server.requests[0]!.closedEarly).toBe(true);
  };

  it('in the middle of a stream cancels the run', async () => {
    server.script([{ text: 'Never whole', fault: 'hang-after' }]);
    const stream = await openai.chat.completions.create({
      model: 'owl',
      messages: [user('hi')],
      stream: true,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) stream.controller.abort();
    }
    await left();
  });

  it('while it waits cancels the run', async () => {
    server.script([{ fault: 'hang' }]);
    const controller = new AbortController();
    const asking = openai.chat.completions.create(
      { model: 'owl', messages: [user('hi')] },
      { signal: controller.signal },
    );
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort();
    await expect(asking).rejects.toThrow();
    await left();
  });
});
