/** What only the responses wire has. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, errorOf, listen, messageOf, tools } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const endpoint = () => endpointFor(server, 'openai-responses');

/** A stream of these events, as they are. */
const stream = (...events: object[]): Step => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''),
});
const completed = { type: 'response.completed', response: { status: 'completed' } };
const delta = (output_index: number, text: string) => ({
  type: 'response.output_text.delta',
  output_index,
  delta: text,
});

it('keeps nothing at the vendor and takes the encrypted reasoning along', async () => {
  server.script([
    { thinking: 'Hm.', signature: 'sigX', text: 'Looking.', toolCalls: [{ id: 'call_A', name: 'time.now' }] },
  ]);
  const call = callOf('go', { tools, system: 'Be brief.' });
  const own = messageOf(await listen(call, endpoint()));
  expect(server.requests[0]!.body).toMatchObject({
    store: false,
    include: ['reasoning.encrypted_content'],
    instructions: 'Be brief.',
  });
  await listen({ ...call, messages: [...call.messages, own] }, endpoint());
  expect(server.requests[1]!.refused).toBeNull();
  expect(server.requests[1]!.body.input).toMatchObject([
    { role: 'user' },
    {
      type: 'reasoning',
      id: 'rs_1',
      encrypted_content: 'sigX',
      summary: [{ type: 'summary_text', text: 'Hm.' }],
    },
    { role: 'assistant', content: 'Looking.' },
    { type: 'function_call', call_id: 'call_A', name: 'time_now', arguments: '{}' },
    { type: 'function_call_output', call_id: 'call_A' },
  ]);
  await listen({ ...call, model: 'another', messages: [...call.messages, own] }, endpoint());
  expect(JSON.stringify(server.requests[2]!.body)).not.toContain('sigX');
});

it('does not send reasoning back that nothing follows', async () => {
  server.script([{ thinking: 'Hm.', signature: 'sigX', finish: 'max_output_tokens' }]);
  const call = callOf('go');
  const own = messageOf(await listen(call, endpoint()));
  expect(own.content).toHaveLength(1);
  const text = { type: 'text' as const, text: 'Said before.' };
  const messages = [...call.messages, { ...own, content: [text, ...own.content] }, ...callOf('on').messages];
  messageOf(await listen({ ...call, messages }, endpoint()));
});

it('makes ids up for tool calls without one', async () => {
  server.script([
    {
      toolCalls: [
        { id: null, name: 'time.now' },
        { id: null, name: 'notes.write' },
      ],
    },
  ]);
  const { content } = messageOf(await listen(callOf('go', { tools }), endpoint()));
  const ids = content.map((part) => (part.type === 'toolCall' ? part.id : ''));
  expect(ids[0]).toMatch(/^call_[0-9a-f]{24}$/);
  expect(new Set(ids).size).toBe(2);
});

it('takes items that come in one piece', async () => {
  const items = [
    { type: 'reasoning', id: 'rs_1', summary: [{ text: 'One.' }, { text: 'Two.' }] },
    { type: 'message', content: [{ type: 'output_text', text: 'Whole.' }] },
    { type: 'function_call', call_id: 'call_A', name: 'time_now', arguments: '{"timezone":"UTC"}' },
  ];
  const done = items.map((item, output_index) => ({ type: 'response.output_item.done', output_index, item }));
  const expected = [
    { type: 'thinking', text: 'One.\n\nTwo.' },
    { type: 'text', text: 'Whole.' },
    { type: 'toolCall', id: 'call_A', name: 'time.now', arguments: { timezone: 'UTC' } },
  ];
  server.script([
    stream(...done, completed),
    // A server that does not stream at all.
    {
      body: JSON.stringify({
        status: 'completed',
        output: items,
        usage: { input_tokens: 1, output_tokens: 2 },
      }),
    },
  ]);
  expect(messageOf(await listen(callOf('go', { tools }), endpoint())).content).toMatchObject(expected);
  const whole = await listen(callOf('go', { tools }), endpoint());
  expect(messageOf(whole).content).toMatchObject(expected);
  expect(whole.end.usage).toMatchObject({ input: 1, output: 2 });
});

it('keeps two messages of one answer apart, and the parts of a summary', async () => {
  const summary = (summary_index: number, text: string) => [
    { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index },
    { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index, delta: text },
  ];
  server.script([
    stream(
      ...summary(0, 'A'),
      ...summary(1, 'B'),
      delta(1, 'One'),
      delta(1, ' more.'),
      delta(2, 'Two.'),
      completed,
    ),
  ]);
  const heard = await listen(callOf('go'), endpoint());
  expect([heard.thinking, heard.text]).toEqual(['A\n\nB', 'One more.\n\nTwo.']);
});

it('shows a refusal as text', async () => {
  server.script([
    { refusal: 'I cannot help with that.' },
    stream({ type: 'response.refusal.delta', delta: 'No.' }, completed),
  ]);
  expect((await listen(callOf('hi'), endpoint())).text).toBe('I cannot help with that.');
  expect((await listen(callOf('hi'), endpoint())).text).toBe('No.');
});

it.each<[string, object, string]>([
  [
    'a filter',
    { type: 'response.incomplete', response: { incomplete_details: { reason: 'content_filter' } } },
    'content',
  ],
  [
    'a failure',
    { type: 'response.failed', response: { error: { code: 'server_error', message: 'Oops' } } },
    'server',
  ],
  [
    'a rate limit',
    { type: 'response.failed', response: { error: { code: 'rate_limit_exceeded', message: 'Slow' } } },
    'rate',
  ],
  ['an overlong input', { type: 'error', code: 'context_length_exceeded', message: 'Too long' }, 'context'],
  [
    'a policy',
    {
      type: 'response.failed',
      response: { error: { code: 'image_content_policy_violation', message: 'No' } },
    },
    'content',
  ],
  ['a failure without a reason', { type: 'response.failed', response: {} }, 'server'],
  ['a nested error', { type: 'error', error: { type: 'insufficient_quota', message: 'Pay' } }, 'quota'],
])('takes %s in the stream for what it is', async (_name, event, kind) => {
  server.script([stream(delta(0, 'Half'), event)]);
  const heard = await listen(callOf('hi'), endpoint());
  expect(errorOf(heard).kind).toBe(kind);
  expect(heard.end).toMatchObject({ partial: { content: [{ type: 'text', text: 'Half' }] } });
});

it('asks for no fewer tokens than the vendor allows', async () => {
  messageOf(await listen(callOf('hi', { maxOutputTokens: 1 }), endpoint()));
  expect(server.requests[0]!.body.max_output_tokens).toBe(16);
});
