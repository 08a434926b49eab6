/** The Responses API: https://platform.openai.com/docs/api-reference/responses */
import { readExchange } from '@nightshift/core/openai-requests';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

const path = '/openai/v1/responses';

let product: Product;
let server: ModelServer;
let openai: OpenAI;

beforeAll(async () => {
  [product, server] = await Promise.all([startProduct(), startModelServer()]);
  await product.startWorker();
  const targets = [{ model: await connectModel(product.owner, server) }];
  await createAgent(product.owner, {
    name: 'owl',
    instructions: 'Hoot.',
    model: { targets, maxAttempts: 1 },
  });
  openai = new OpenAI({ baseURL: `${product.url}/openai/v1`, apiKey: product.owner.key!, maxRetries: 0 });
});

beforeEach(() => server.reset());

afterAll(() => Promise.all([product.close(), server.close()]));

const shown = (at: number) =>
  server.requests[at]!.body.messages.map(({ role, content }: { role: string; content: string }) => [
    role,
    content,
  ]);

it('answers a text', async () => {
  server.script([{ text: 'Hoo.', usage: { input: 21, output: 4, cached: 5, reasoning: 1 } }]);
  const response = await openai.responses.create({ model: 'owl', input: 'Who?', instructions: 'Softly.' });
  expect(response).toMatchObject({
    id: expect.stringMatching(/^resp_/),
    object: 'response',
    status: 'completed',
    completed_at: expect.any(Number),
    model: 'owl',
    output_text: 'Hoo.',
    instructions: 'Softly.',
    error: null,
    output: [{ type: 'message', role: 'assistant', status: 'completed' }],
    usage: {
      input_tokens: 21,
      input_tokens_details: { cached_tokens: 5 },
      output_tokens: 4,
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 25,
    },
  });
  expect(shown(0)[0][1]).toMatch(/Hoot\.[\s\S]*Softly\./);
});

it('takes items: roles, parts, and the tools of what went before', async () => {
  await openai.responses.create({
    model: 'owl',
    input: [
      { role: 'developer', content: 'In verse.' },
      { role: 'user', content: [{ type: 'input_text', text: 'Weather?' }] },
      { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Uppsala"}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'Snow' },
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        id: 'msg_1',
        content: [{ type: 'output_text', text: 'It snows.', annotations: [] }],
      },
      { role: 'user', content: 'And now?' },
    ],
  });
  const { messages } = server.requests[0]!.body;
  expect(messages[0].content).toMatch(/In verse\./);
  expect(messages.slice(1)).toMatchObject([
    { role: 'user', content: 'Weather?' },
    { role: 'assistant', tool_calls: [{ id: 'call_1', function: { name: 'weather' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: 'Snow' },
    { role: 'assistant', content: 'It snows.' },
    { role: 'user', content: 'And now?' },
  ]);
});

it('streams its events in order, each with its number', async () => {
  server.script([{ text: ['Hoo ', 'hoo.'], chunkMs: 60 }]);
  const stream = await openai.responses.create({ model: 'owl', input: 'Who?', stream: true });
  const events = await Array.fromAsync(stream);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_event, at) => at));
  const types = events.map(({ type }) => type);
  const deltas = types.filter((type) => type === 'response.output_text.delta');
  expect(deltas.length).toBeGreaterThan(1);
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    ...deltas,
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ]);
  const last = events.at(-1)!;
  expect(last).toMatchObject({
    response: { status: 'completed', usage: { total_tokens: expect.any(Number) } },
  });
  // The client puts its own response together from them.
  const whole = openai.responses.stream({ model: 'owl', input: 'Echo' });
  expect((await whole.finalResponse()).output_text).toBe('Echo');
});

it('goes on after an earlier response, as often as is wanted, without its instructions', async () => {
  server.script([{ text: 'Ada.' }, { text: 'Yes.' }, { text: 'No.' }, { text: 'Still.' }]);
  const first = await openai.responses.create({ model: 'owl', input: 'Who?', instructions: 'Softly.' });
  const previous_response_id = first.id;
  const second = await openai.responses.create({ model: 'owl', input: 'Sure?', previous_response_id });
  await openai.responses.create({ model: 'owl', input: 'Really?', previous_response_id });
  await openai.responses.create({ model: 'owl', input: 'And?', previous_response_id: second.id });
  expect(second.previous_response_id).toBe(first.id);
  expect(shown(1).slice(1)).toEqual([
    ['user', 'Who?'],
    ['assistant', 'Ada.'],
    ['user', 'Sure?'],
  ]);
  expect(shown(1)[0][1]).not.toContain('Softly');
  expect(shown(2).slice(1).at(-1)).toEqual(['user', 'Really?']);
  expect(shown(2)).toHaveLength(4);
  expect(
    shown(3)
      .slice(1)
      .map(([, content]: [string, string]) => content),
  ).toEqual(['Who?', 'Ada.', 'Sure?', 'Yes.', 'And?']);
  expect(await openai.responses.retrieve(first.id)).toMatchObject({ id: first.id, output_text: 'Ada.' });
});

it('takes answers of earlier responses by their ids, as some clients send them', async () => {
  server.script([{ text: 'Ada.' }]);
  const first = await openai.responses.create({ model: 'owl', input: 'Who?' });
  await openai.responses.create({
    model: 'owl',
    input: [
      { role: 'user', content: 'Who?' },
      { type: 'item_reference', id: first.output[0]!.id! },
      { role: 'user', content: 'Sure?' },
    ],
  });
  expect(shown(1).slice(1)).toEqual([
    ['user', 'Who?'],
    ['assistant', 'Ada.'],
    ['user', 'Sure?'],
  ]);
});

it('does not go on after one that is not to be stored, or not there, or of another team', async () => {
  const stored = await openai.responses.create({ model: 'owl', input: 'Who?' });
  const unstored = await openai.responses.create({ model: 'owl', input: 'Who?', store: false });
  const ask = (previous_response_id: string) =>
    openai.responses.create({ model: 'owl', input: 'And?', previous_response_id });
  await expect(ask(unstored.id)).rejects.toMatchObject({ status: 400, param: 'previous_response_id' });
  await expect(openai.responses.retrieve(unstored.id)).rejects.toMatchObject({ status: 404 });
  const missing = 'resp_00000000-0000-7000-8000-000000000000';
  for (const id of [missing, 'resp_x', 'x']) await expect(ask(id)).rejects.toMatchObject({ status: 404 });
  const other = await product.addTeam('other');
  await createAgent(other.owner, { name: 'owl' });
  const answer = await other.owner.post(path, { model: 'owl', input: 'x', previous_response_id: stored.id });
  expect(answer.status).toBe(404);
});

it('shows an image of an earlier response again', async () => {
  const png =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const first = await openai.responses.create({
    model: 'owl',
    input: [{ role: 'user', content: [{ type: 'input_image', image_url: png, detail: 'auto' }] }],
  });
  await openai.responses.create({ model: 'owl', input: 'And now?', previous_response_id: first.id });
  expect(server.requests[1]!.body.messages[1].content).toEqual([
    { type: 'image_url', image_url: { url: png } },
  ]);
});

describe('structured output', () => {
  it('is checked', async () => {
    server.script([{ text: 'x' }, { text: '{"n": 1}' }]);
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const format = { type: 'json_schema' as const, name: 'number', schema };
    const response = await openai.responses.create({ model: 'owl', input: 'n?', text: { format } });
    expect(JSON.parse(response.output_text)).toEqual({ n: 1 });
    expect(response.text).toMatchObject({ format: { type: 'json_schema', name: 'number' } });
  });
});

it('says that an answer was cut', async () => {
  server.script([{ text: 'It is', finish: 'length' }]);
  expect(await openai.responses.create({ model: 'owl', input: 'x', max_output_tokens: 20 })).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output_text: 'It is',
  });
});

it('fails with a status before it has begun, and with an event afterwards', async () => {
  server.script(() => ({ status: 404, code: 'model_not_found', message: 'No such model' }));
  for (const stream of [false, true])
    await expect(
      openai.responses.create({ model: 'owl', input: `x ${stream}`, stream }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'model_model',
    });
  server.script([
    { text: 'Let me look.', toolCalls: [{ name: 'time.now' }] },
    { status: 404, code: 'model_not_found', message: 'No such model' },
  ]);
  const stream = await openai.responses.create({ model: 'owl', input: 'y', stream: true });
  const last = (await Array.fromAsync(stream)).at(-1)!;
  expect(last).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'model_model', message: expect.any(String) } },
  });
});

it.each([
  ['tools', { tools: [{ type: 'web_search' }] }],
  ['background', { background: true }],
  ['conversation', { conversation: 'conv_1' }],
  ['prompt', { prompt: { id: 'pmpt_1' } }],
  ['include', { include: ['file_search_call.results'] }],
  ['max_tool_calls', { max_tool_calls: 3 }],
  ['no_such_thing', { no_such_thing: 1 }],
  ['input', { input: [] }],
  ['input.0.type', { input: [{ type: 'computer_call', id: 'cu_1' }] }],
  ['input.0.id', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
  [
    'input.0.content.0.file_id',
    { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
  ],
  ['input.0.role', { input: [{ role: 'critic', content: 'x' }] }],
])('refuses %s by its name', async (param, more) => {
  const answer = await product.owner.post(path, { model: 'owl', input: 'x', ...more });
  expect(answer).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error', param } } });
  expect(server.requests).toEqual([]);
});

it('an earlier response brings the files of its messages, and no other of its conversation', async () => {
  const image_url = `data:image/png;base64,${Buffer.from('\x89PNG', 'latin1').toString('base64')}`;
  const content = [
    { type: 'input_image', image_url, detail: 'auto' },
    { type: 'input_text', text: 'What is it?' },
  ] as const;
  const first = await openai.responses.create({
    model: 'owl',
    input: [{ role: 'user', content: [...content] }],
  });
  const runId = first.id.slice('resp_'.length);
  await product.sql(
    `INSERT INTO file (id, team_id, conversation_id, name, media_type, status, source, bytes, data)
     SELECT gen_random_uuid(), team_id, conversation_id, 'made', 'text/plain', 'ready', '{}', 3, 'abc' FROM run WHERE id = $1`,
    [runId],
  );
  const { files } = await readExchange(product.db, product.id, runId);
  expect(files.map(({ name }) => name)).toEqual(['image']);
});
