/** Why answers end, as each wire's vendors say it, and what that means for what has come. */
import type { ModelErrorKind } from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, errorOf, listen, messageOf, stream, tools, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const chat = ['openai-chat'] as const;
const anthropic = ['anthropic-messages'] as const;
const responses = ['openai-responses'] as const;

const ends = [
  ...chat.flatMap((wire) =>
    [
      'stop',
      'eos',
      'eos_token',
      'end_turn',
      'stop_sequence',
      'STOP',
      'tool_calls',
      'function_call',
      'complete',
    ].map((finish) => ({ wire, finish })),
  ),
  ...anthropic.flatMap((wire) =>
    ['end_turn', 'stop_sequence', 'stop', 'END_TURN'].map((finish) => ({ wire, finish })),
  ),
];
const cuts = [
  ...chat.flatMap((wire) =>
    [
      'length',
      'max_tokens',
      'MAX_TOKENS',
      'FINISH_REASON_MAX_TOKENS',
      'maxTokens',
      'model_length',
      'max_output_tokens',
    ].map((finish) => ({ wire, finish })),
  ),
  ...anthropic.flatMap((wire) =>
    ['max_tokens', 'model_context_window_exceeded', 'length'].map((finish) => ({ wire, finish })),
  ),
  ...responses.map((wire) => ({ wire, finish: 'max_output_tokens' })),
];
const failures: { wire: (typeof wires)[number]; finish: string; kind: ModelErrorKind }[] = [
  ...wires.flatMap((wire) =>
    (
      [
        ['content_filter', 'content'],
        ['SAFETY', 'content'],
        ['refusal', 'content'],
        ['something_new', 'server'],
        ['__proto__', 'server'],
        ['constructor', 'server'],
        ['error', 'server'],
        ['network_error', 'server'],
        ['insufficient_system_resource', 'overload'],
      ] as const
    ).map(([finish, kind]) => ({ wire, finish, kind })),
  ),
  ...chat.flatMap((wire) =>
    (
      [
        ['RECITATION', 'content'],
        ['content_filter: OTHER', 'content'],
        ['PROHIBITED_CONTENT', 'content'],
        ['guardrail_intervened', 'content'],
        ['contentFiltered', 'content'],
        ['sensitive', 'content'],
        ['MALFORMED_FUNCTION_CALL', 'malformed'],
        ['function_call_filter: MALFORMED_FUNCTION_CALL', 'malformed'],
        ['function_call_filter: UNEXPECTED_TOOL_CALL', 'malformed'],
        ['abort', 'server'],
        ['OTHER', 'server'],
        ['pause_turn', 'server'],
        ['x'.repeat(100_000), 'server'],
      ] as const
    ).map(([finish, kind]) => ({ wire, finish, kind })),
  ),
  ...responses.map((wire) => ({ wire, finish: 'stop', kind: 'server' as const })),
];

it.each(ends)('$wire: $finish is the end', async ({ wire, finish }) => {
  server.script([{ text: 'All.', finish }]);
  const heard = await listen(callOf('hi'), endpointFor(server, wire));
  expect(heard.end).toMatchObject({ type: 'done', stop: 'end' });
});

it.each(cuts)('$wire: $finish is a cut', async ({ wire, finish }) => {
  const toolCalls = [{ id: 'call_A', name: 'notes.write', arguments: '{"name":' }];
  server.script([{ text: 'Half', toolCalls, finish }]);
  const heard = await listen(callOf('hi', { tools }), endpointFor(server, wire));
  expect(heard.end).toMatchObject({ type: 'done', stop: 'length' });
  expect(messageOf(heard).content).toEqual([{ type: 'text', text: 'Half' }]);
});

it.each(failures)('$wire: $finish is a failure ($kind)', async ({ wire, finish, kind }) => {
  const toolCalls = [{ id: 'call_A', name: 'time.now' }];
  server.script([{ text: 'Half', toolCalls, finish }]);
  const heard = await listen(callOf('hi', { tools }), endpointFor(server, wire));
  expect(errorOf(heard).kind).toBe(kind);
  expect(errorOf(heard).message.length).toBeLessThan(200);
  // What was shown is kept, and nothing of it runs.
  expect(heard.end).toMatchObject({ partial: { content: [{ type: 'text', text: 'Half' }] } });
});

it.each([...chat, ...anthropic])(
  '%s: no room to answer in is a conversation that is too long',
  async (wire) => {
    server.script([{ finish: 'model_context_window_exceeded' }]);
    expect(errorOf(await listen(callOf('hi'), endpointFor(server, wire))).kind).toBe('context');
  },
);

describe('openai-responses', () => {
  it.each([
    [{ status: 'cancelled' }, 'response.cancelled', 'server'],
    [
      { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'Slow' } },
      'response.completed',
      'rate',
    ],
    [{ status: 'in_progress' }, 'response.completed', 'server'],
    [{ status: 'incomplete', incomplete_details: { reason: 'steps' } }, 'response.incomplete', 'server'],
  ] as const)('%j is a failure', async (response, type, kind) => {
    const text = { type: 'response.output_text.delta', output_index: 0, delta: 'Half' };
    server.script([stream(text, { type, response })]);
    expect(errorOf(await listen(callOf('hi'), endpointFor(server, 'openai-responses'))).kind).toBe(kind);
  });
});

describe('openai-chat: no finish reason', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
  const text = { choices: [{ delta: { content: 'All.' } }] };
  const hear = (...events: (object | '[DONE]')[]) => {
    server.script([stream(...events)]);
    return listen(callOf('hi', { tools }), endpointFor(server, 'openai-chat'));
  };

  it('is an end with [DONE] and usage, and truncated without either', async () => {
    const whole = await hear(text, { choices: [], usage }, '[DONE]');
    expect(whole.end).toMatchObject({ type: 'done', stop: 'end', usage: { input: 3, output: 1 } });
    expect(whole.text).toBe('All.');
    for (const events of [[text, '[DONE]'], [text, { choices: [], usage }], [text]] as const)
      expect(errorOf(await hear(...events)).kind).toBe('truncated');
  });

  it('runs only calls that are whole', async () => {
    const call = (index: number, args: string) => ({
      choices: [
        {
          delta: {
            tool_calls: [{ index, id: `c${index}`, function: { name: 'time_now', arguments: args } }],
          },
        },
      ],
    });
    const heard = await hear(call(0, '{}'), call(1, ''), call(2, '{"a'), { choices: [], usage }, '[DONE]');
    expect(messageOf(heard).content).toMatchObject([
      { id: 'c0', arguments: {} },
      { id: 'c1', invalid: '' },
      { id: 'c2', invalid: '{"a' },
    ]);
    expect(messageOf(heard).content[0]).not.toHaveProperty('invalid');
  });

  it('is none where a server sends an empty one with every chunk', async () => {
    const chunk = (content: string, finish_reason: unknown) => ({
      choices: [{ delta: { content }, finish_reason }],
    });
    const heard = await hear(chunk('A', ''), chunk('l', 'null'), chunk('l', null), chunk('.', 'stop'));
    expect(messageOf(heard).content).toEqual([{ type: 'text', text: 'All.' }]);
    expect(errorOf(await hear(chunk('A', ''), chunk('l', 'null'))).kind).toBe('truncated');
  });
});

describe('anthropic-messages: pause_turn', () => {
  const search = [
    {
      type: 'content_block_start',
      index: 1,
      content_block: { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: {} },
    },
    {
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: '{"query":"x"}' },
    },
    { type: 'content_block_stop', index: 1 },
  ];
  const part = (text: string, stop_reason: string, blocks: object[] = []) =>
    stream(
      { type: 'message_start', message: { usage: { input_tokens: 10, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
      { type: 'content_block_stop', index: 0 },
      ...blocks,
      { type: 'message_delta', delta: { stop_reason }, usage: { output_tokens: 5 } },
      { type: 'message_stop' },
    );
  const hear = () => listen(callOf('hi'), endpointFor(server, 'anthropic-messages'));

  it('is gone on with: what has come is sent back, and the tokens of both are counted', async () => {
    server.script([part('One, ', 'pause_turn'), part('two, ', 'pause_turn'), part('three.', 'end_turn')]);
    const heard = await hear();
    expect(heard.types.filter((type) => type === 'start')).toHaveLength(1);
    expect(messageOf(heard).content).toEqual([{ type: 'text', text: 'One, two, three.' }]);
    expect(heard.end).toMatchObject({ stop: 'end', usage: { input: 30, output: 15 } });
    expect(server.requests.map(({ refused }) => refused)).toEqual([null, null, null]);
    expect(server.requests[2]!.body.messages.slice(1)).toEqual([
      { role: 'assistant', content: [{ type: 'text', text: 'One, ' }] },
      { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'two, ' }] },
      { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
    ]);
  });

  it('is gone on with after a tool of the vendor, whose blocks go back as they came', async () => {
    server.script([part('Looking.', 'pause_turn', search), part('Found.', 'end_turn')]);
    expect((await hear()).text).toBe('Looking.Found.');
    expect(server.requests.map(({ refused }) => refused)).toEqual([null, null]);
    expect(server.requests[1]!.body.messages.at(-1)).toEqual({
      role: 'assistant',
      content: [
        { type: 'text', text: 'Looking.' },
        { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: { query: 'x' } },
      ],
    });
  });

  it('is not gone on with for ever', async () => {
    server.script(() => part('More. ', 'pause_turn'));
    const error = errorOf(await hear());
    expect(error).toMatchObject({ kind: 'server', message: expect.stringContaining('paused') });
    expect(server.requests).toHaveLength(6);
  });

  it('is a failure when what follows breaks off', async () => {
    server.script([part('One, ', 'pause_turn'), { text: 'two', fault: 'no-finish' }]);
    const heard = await hear();
    expect(errorOf(heard).kind).toBe('truncated');
    expect(heard.end).toMatchObject({ partial: { content: [{ type: 'text', text: 'One, two' }] } });
  });
});

it('anthropic-messages: a whole message of a server that does not stream is read', async () => {
  const content = [
    { type: 'thinking', thinking: 'Hm.', signature: 'sig1' },
    { type: 'text', text: 'Yes.' },
    { type: 'tool_use', id: 'toolu_A', name: 'time_now', input: { timezone: 'UTC' } },
  ];
  const usage = { input_tokens: 3, output_tokens: 2 };
  server.script([{ body: JSON.stringify({ type: 'message', content, stop_reason: 'tool_use', usage }) }]);
  const heard = await listen(callOf('hi', { tools }), endpointFor(server, 'anthropic-messages'));
  expect(messageOf(heard).content).toMatchObject([
    { type: 'thinking', text: 'Hm.', signature: 'sig1' },
    { type: 'text', text: 'Yes.' },
    { type: 'toolCall', name: 'time.now', arguments: { timezone: 'UTC' } },
  ]);
  expect(heard.end).toMatchObject({ stop: 'toolCalls', usage: { input: 3, output: 2 } });
});
