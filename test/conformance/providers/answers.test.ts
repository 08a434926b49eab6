import type { ToolResultPart } from '@nightshift/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { callOf, demoEndpoint, endpointFor, listen, messageOf, tools, user, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

/** How each wire says that the output cap was reached. */
const capReached = {
  'openai-chat': 'length',
  'openai-responses': 'max_output_tokens',
  'anthropic-messages': 'max_tokens',
};

describe.each(wires)('%s: answers', (wire) => {
  const endpoint = () => endpointFor(server, wire);

  it('streams plain text, starts with start and ends with done', async () => {
    server.script([{ text: ['Hel', 'lo, ', 'world'] }]);
    const heard = await listen(callOf('hi', { system: 'Be brief.' }), endpoint());
    expect(heard.types).toEqual(['start', 'text', 'text', 'text', 'done']);
    expect(messageOf(heard)).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'Hello, world' }],
    });
    expect(heard.end).toMatchObject({ stop: 'end' });
    expect(server.requests[0]).toMatchObject({ userText: 'hi', refused: null, closedEarly: false });
    expect(JSON.stringify(server.requests[0]!.body)).toContain('Be brief.');
  });

  it('keeps unicode whole when its bytes are split over chunks', async () => {
    const text = 'Grüße, 你好, 👩‍👩‍👧‍👦 and 🇪🇺 — “done”';
    for (const writeBytes of [1, 2, 3, 7]) {
      server.script([{ text, writeBytes }]);
      expect((await listen(callOf('hi'), endpoint())).text).toBe(text);
    }
  });

  it('sends a lone surrogate as valid JSON text', async () => {
    const heard = await listen(callOf('broken \ud83d emoji'), endpoint());
    expect(heard.text).toBe('broken \ufffd emoji');
  });

  it('takes an answer of 10 MB', async () => {
    const text = 'abcdefghij'.repeat(1024 * 1024);
    server.script([{ text }]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(heard.end.type).toBe('done');
    expect(heard.text.length).toBe(text.length);
  });

  it('calls a tool by our name, though the wire has another', async () => {
    server.script([
      { toolCalls: [{ id: 'call_A', name: 'time.now', arguments: { timezone: 'Europe/Berlin' } }] },
    ]);
    const heard = await listen(callOf('time?', { tools }), endpoint());
    expect(messageOf(heard).content).toEqual([
      { type: 'toolCall', id: 'call_A', name: 'time.now', arguments: { timezone: 'Europe/Berlin' } },
    ]);
    expect(heard.end).toMatchObject({ stop: 'toolCalls' });
    expect(heard.types).toEqual(['start', 'toolStart', 'toolDelta', 'toolDelta', 'toolEnd', 'done']);
    const sent = JSON.stringify(server.requests[0]!.body);
    expect(sent).toContain('"time_now"');
    expect(sent).not.toContain('time.now');
  });

  it('calls tools in parallel, after text', async () => {
    server.script([
      {
        text: 'Both.',
        toolCalls: [
          { id: 'call_A', name: 'time.now' },
          { id: 'call_B', name: 'notes.write', arguments: { name: 'a', text: 'b' } },
        ],
      },
    ]);
    const heard = await listen(callOf('go', { tools }), endpoint());
    expect(messageOf(heard).content).toEqual([
      { type: 'text', text: 'Both.' },
      { type: 'toolCall', id: 'call_A', name: 'time.now', arguments: {} },
      { type: 'toolCall', id: 'call_B', name: 'notes.write', arguments: { name: 'a', text: 'b' } },
    ]);
  });

  it.each(['{"name": "a', 'not json', '[1]', '"text"', '7', '{}{}', '```json\n{}\n```', '{"a":1} x'])(
    'keeps arguments that are no JSON object as invalid: %s',
    async (raw) => {
      server.script([{ toolCalls: [{ id: 'call_A', name: 'notes.write', arguments: raw }] }]);
      const heard = await listen(callOf('go', { tools }), endpoint());
      expect(messageOf(heard).content).toEqual([
        { type: 'toolCall', id: 'call_A', name: 'notes.write', arguments: {}, invalid: raw },
      ]);
    },
  );

  it.each(['', ' ', 'null', '[]', '""', '"{}"', '"null"'])('takes no arguments for none: %j', async (raw) => {
    server.script([{ toolCalls: [{ id: 'call_A', name: 'time.now', arguments: raw }] }]);
    const heard = await listen(callOf('go', { tools }), endpoint());
    expect(messageOf(heard).content).toEqual([
      { type: 'toolCall', id: 'call_A', name: 'time.now', arguments: {} },
    ]);
  });

  it('decodes arguments that were encoded twice, once', async () => {
    const args = { name: 'a "b"' };
    const raw = [JSON.stringify(JSON.stringify(args)), JSON.stringify(JSON.stringify(JSON.stringify(args)))];
    server.script([
      {
        toolCalls: raw.map((text, index) => ({ id: `call_${index}`, name: 'notes.write', arguments: text })),
      },
    ]);
    const { content } = messageOf(await listen(callOf('go', { tools }), endpoint()));
    expect(content).toMatchObject([{ arguments: args }, { arguments: {}, invalid: raw[1] }]);
  });

  it('gives two calls under one id two ids', async () => {
    server.script([
      {
        toolCalls: [
          { id: 'same', name: 'time.now' },
          { id: 'same', name: 'notes.write' },
        ],
      },
    ]);
    const ids = messageOf(await listen(callOf('go', { tools }), endpoint())).content.map((part) =>
      part.type === 'toolCall' ? part.id : null,
    );
    // A chat-completions delta under the same id but another index is another call.
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(2);
  });

  it('streams thinking apart from the answer and keeps it with its issuer', async () => {
    server.script([{ thinking: 'Let me see.', signature: 'sig1', text: 'Yes.' }]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(heard.thinking).toBe('Let me see.');
    expect(heard.text).toBe('Yes.');
    expect(messageOf(heard).content[0]).toMatchObject({
      type: 'thinking',
      text: 'Let me see.',
      issuer: `test-${wire}/${wire}/test-model`,
    });
  });

  it('reports usage: input with what was cached, output with reasoning', async () => {
    server.script([
      { text: 'x', usage: { input: 100, cached: 40, cacheWrite: 10, output: 30, reasoning: 20 } },
    ]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(heard.end.usage).toEqual({
      input: 100,
      cachedInput: 40,
      cacheWrite: 10,
      output: 30,
      reasoning: 20,
    });
  });

  it('has null usage, not zero, when the vendor reports none', async () => {
    server.script([{ text: 'x', usage: null }]);
    expect((await listen(callOf('hi'), endpoint())).end.usage).toBeNull();
  });

  it('takes an empty answer for what it is', async () => {
    server.script([{}]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(heard.types).toEqual(['start', 'done']);
    expect(messageOf(heard).content).toEqual([]);
  });

  it('tells an answer that reached its cap from a whole one', async () => {
    server.script([{ text: 'cut', finish: capReached[wire] }]);
    const heard = await listen(callOf('hi', { maxOutputTokens: 50 }), endpoint());
    expect(heard.end).toMatchObject({ type: 'done', stop: 'length' });
    const { body } = server.requests[0]!;
    expect(body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens).toBe(50);
  });

  it('leaves out the call that the cap cut, and keeps those before it', async () => {
    for (const half of ['', '{"name": "a']) {
      const toolCalls = [
        { id: 'call_A', name: 'time.now' },
        { id: 'call_B', name: 'notes.write', arguments: half },
      ];
      server.script([{ toolCalls, finish: capReached[wire] }]);
      const heard = await listen(callOf('go', { tools }), endpoint());
      expect(messageOf(heard).content).toMatchObject([{ type: 'toolCall', id: 'call_A', arguments: {} }]);
      expect(heard.end).toMatchObject({ stop: 'length' });
    }
  });

  it('shows images to the model, and to a text-only model a note', async () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'aGVsbG8=' } as const;
    const call = callOf('', {
      messages: [{ role: 'user', content: [{ type: 'text', text: 'see' }, image] }],
    });
    await listen(call, endpoint());
    expect(JSON.stringify(server.requests[0]!.body)).toContain('aGVsbG8=');
    await listen(call, endpointFor(server, wire, { textOnly: true }));
    expect(JSON.stringify(server.requests[1]!.body)).not.toContain('aGVsbG8=');
    expect(server.requests[1]!.userText).toContain('An image was here');
    expect(server.requests.map((request) => request.refused)).toEqual([null, null]);
  });

  it('uses one connection for calls one after the other, though the end of a response comes late', async () => {
    const chunkMs = 20;
    server.script(() => ({ text: 'x', chunkMs }));
    const before = server.connections();
    for (let i = 0; i < 4; i++) {
      expect((await listen(callOf('hi'), endpoint())).end.type).toBe('done');
      await server.requests[i]!.finished;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // One that the case before closed may have to be replaced.
    expect(server.connections() - before).toBeLessThanOrEqual(1);
    expect(server.requests.map((request) => request.closedEarly)).toEqual([false, false, false, false]);
  });
});

describe('openai-chat: dialects', () => {
  const endpoint = (compat = {}) => endpointFor(server, 'openai-chat', compat);

  it('makes ids up for tool calls without one', async () => {
    server.script([
      {
        toolCalls: [
          { id: null, name: 'time.now' },
          { id: null, name: 'notes.write' },
        ],
      },
    ]);
    const content = messageOf(await listen(callOf('go', { tools }), endpoint())).content;
    const ids = content.map((part) => (part.type === 'toolCall' ? part.id : ''));
    expect(ids).toHaveLength(2);
    expect(ids[0]).toMatch(/^call_[0-9a-f]{24}$/);
    expect(ids[1]).not.toBe(ids[0]);
  });

  it('reads parallel calls that all have index 0, and calls without any index', async () => {
    for (const index of [0, undefined]) {
      const call = (id: string, name: string) =>
        `data: ${JSON.stringify({ choices: [{ delta: { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '{}' } }] } }] })}\n\n`;
      server.script([
        {
          status: 200,
          headers: { 'content-type': 'text/event-stream' },
          body: `${call('a', 'time_now')}${call('b', 'notes_write')}data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
        },
      ]);
      const heard = await listen(callOf('go', { tools }), endpoint());
      expect(
        messageOf(heard).content.map((part) => part.type === 'toolCall' && [part.id, part.name]),
      ).toEqual([
        ['a', 'time.now'],
        ['b', 'notes.write'],
      ]);
      // "stop" is not what it says when there are calls.
      expect(heard.end).toMatchObject({ stop: 'toolCalls' });
    }
  });

  it('takes usage on any chunk, and counts hidden reasoning as output', async () => {
    server.script([
      {
        headers: { 'content-type': 'text/event-stream' },
        body: 'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":50}}]}\n\ndata: [DONE]\n\n',
      },
    ]);
    const heard = await listen(callOf('hi'), endpoint());
    expect(heard.end.usage).toEqual({ input: 3, cachedInput: 0, cacheWrite: 0, output: 47, reasoning: 42 });
  });

  it('asks for usage, unless the vendor refuses the question', async () => {
    await listen(callOf('hi'), endpoint());
    await listen(
      callOf('hi', { maxOutputTokens: 7 }),
      endpoint({ noStreamUsage: true, maxTokensField: 'max_tokens' }),
    );
    expect(server.requests[0]!.body.stream_options).toEqual({ include_usage: true });
    expect(server.requests[1]!.body).not.toHaveProperty('stream_options');
    expect(server.requests[1]!.body.max_tokens).toBe(7);
  });

  it('shows a refusal as text', async () => {
    server.script([{ refusal: 'I cannot help with that.' }]);
    expect((await listen(callOf('hi'), endpoint())).text).toBe('I cannot help with that.');
  });

  it('reads the reasoning parts of Mistral', async () => {
    const part = {
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] },
        { type: 'text', text: 'Ok.' },
      ],
    };
    server.script([
      {
        headers: { 'content-type': 'text/event-stream' },
        body: `data: ${JSON.stringify({ choices: [{ delta: part, finish_reason: 'stop' }] })}\n\n`,
      },
    ]);
    const heard = await listen(callOf('hi'), endpoint());
    expect([heard.thinking, heard.text]).toEqual(['Hm.', 'Ok.']);
  });

  it('echoes reasoning where the vendor wants it back, empty when it is not its own', async () => {
    const compat = { reasoningField: 'reasoning_content' } as const;
    server.script([{ thinking: 'Hm.', toolCalls: [{ id: 'call_A', name: 'time.now' }] }]);
    const call = callOf('go', { tools });
    const own = messageOf(await listen(call, endpoint(compat)));
    const result: ToolResultPart = {
      type: 'toolResult',
      callId: 'call_A',
      name: 'time.now',
      content: [],
      isError: false,
    };
    const history = [...call.messages, own, { role: 'tool' as const, content: [result] }];
    await listen({ ...call, messages: history }, endpoint(compat));
    await listen({ ...call, model: 'another', messages: history }, endpoint(compat));
    await listen({ ...call, messages: history }, endpoint());
    const echoed = server.requests.slice(1).map((request) => request.body.messages[1].reasoning_content);
    expect(echoed).toEqual(['Hm.', '', undefined]);
  });

  it('sends a thought signature back with its call, and a stand-in where there is none', async () => {
    const compat = { thoughtSignatures: true };
    const toolCall = {
      id: 'a',
      type: 'function',
      function: { name: 'time_now', arguments: '{}' },
      extra_content: { google: { thought_signature: 'S1' } },
    };
    server.script([
      {
        headers: { 'content-type': 'text/event-stream' },
        body: `data: ${JSON.stringify({ choices: [{ delta: { tool_calls: [{ index: 0, ...toolCall }] }, finish_reason: 'stop' }] })}\n\n`,
      },
    ]);
    const call = callOf('go', { tools });
    const own = messageOf(await listen(call, endpoint(compat)));
    await listen({ ...call, messages: [...call.messages, own] }, endpoint(compat));
    await listen({ ...call, model: 'another', messages: [...call.messages, own] }, endpoint(compat));
    const signatures = server.requests
      .slice(1)
      .map((request) => request.body.messages[1].tool_calls[0].extra_content.google.thought_signature);
    expect(signatures).toEqual(['S1', 'skip_thought_signature_validator']);
  });

  it('turns reasoning off where tools are refused with it', async () => {
    const compat = { noReasoningWithTools: ['gpt-6'] };
    await listen(callOf('hi', { model: 'gpt-6-sol', tools }), endpoint(compat));
    await listen(callOf('hi', { model: 'gpt-6-sol' }), endpoint(compat));
    await listen(callOf('hi', { model: 'gpt-5.4', tools }), endpoint(compat));
    expect(server.requests.map((request) => request.body.reasoning_effort)).toEqual([
      'none',
      undefined,
      undefined,
    ]);
  });

  it('takes a whole completion from a server that does not stream', async () => {
    const message = {
      role: 'assistant',
      content: 'Whole.',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'time_now', arguments: '{}' } }],
    };
    server.script([
      {
        body: JSON.stringify({
          choices: [{ message, finish_reason: 'tool_calls' }],
          usage: { prompt_tokens: 1, completion_tokens: 2 },
        }),
      },
    ]);
    const heard = await listen(callOf('hi', { tools }), endpoint());
    expect(messageOf(heard).content).toMatchObject([
      { type: 'text', text: 'Whole.' },
      { type: 'toolCall', name: 'time.now' },
    ]);
    expect(heard.end.usage).toMatchObject({ input: 1, output: 2 });
  });
});

describe('anthropic-messages: its own', () => {
  const endpoint = () => endpointFor(server, 'anthropic-messages');

  it('sends signed and redacted thinking back to its issuer only', async () => {
    server.script([
      {
        thinking: 'Hm.',
        signature: 'sig1',
        redacted: 'sigR',
        toolCalls: [{ id: 'toolu_A', name: 'time.now' }],
      },
    ]);
    const call = callOf('go', { tools });
    const own = messageOf(await listen(call, endpoint()));
    await listen({ ...call, messages: [...call.messages, own] }, endpoint());
    await listen({ ...call, model: 'another', messages: [...call.messages, own] }, endpoint());
    expect(server.requests.map((request) => request.refused)).toEqual([null, null, null]);
    expect(server.requests[1]!.body.messages[1].content.slice(0, 2)).toEqual([
      { type: 'thinking', thinking: 'Hm.', signature: 'sig1' },
      { type: 'redacted_thinking', data: 'sigR' },
    ]);
    expect(server.requests[2]!.body.messages[1].content).toHaveLength(1);
  });

  it('marks tools, system prompt and the end of the conversation for the prompt cache', async () => {
    await listen(callOf('hi', { system: 'Be brief.', tools }), endpoint());
    const { body } = server.requests[0]!;
    const mark = { type: 'ephemeral' };
    expect(body.tools.map((tool: { cache_control?: unknown }) => tool.cache_control)).toEqual([
      undefined,
      mark,
    ]);
    expect(body.system[0].cache_control).toEqual(mark);
    expect(body.messages[0].content[0].cache_control).toEqual(mark);
  });

  it('accepts a base URL with and without /v1', async () => {
    const heard = await listen(callOf('hi'), { ...endpoint(), baseUrl: `${server.url}/v1` });
    expect(heard.text).toBe('hi');
  });

  it('begins with the user, though the history was cut', async () => {
    const assistant = { role: 'assistant' as const, content: [{ type: 'text' as const, text: 'earlier' }] };
    await listen(callOf('', { messages: [assistant, user('hi')] }), endpoint());
    expect(server.requests[0]!.refused).toBeNull();
  });
});

describe('demo', () => {
  it('says that it is a demo, in several deltas, the same each time, and counts its usage', async () => {
    const call = callOf('hello there', { model: 'guide', tools });
    const one = await listen(call, demoEndpoint);
    expect(one.events.filter((event) => event.type === 'text').length).toBeGreaterThan(3);
    expect(one.text).toContain('understands nothing');
    expect(one.text).toContain('OPENAI_API_KEY');
    expect(one.text).toContain('/v1/provider-credentials');
    expect(one.end.usage).toMatchObject({ input: 3, output: Math.ceil(one.text.length / 4) });
    expect((await listen(call, demoEndpoint)).events).toEqual(one.events);
  });

  it.each([
    ['What time is it in Europe/Berlin?', 'time.now', { timezone: 'Europe/Berlin' }],
    [
      'please remember that the demo is on Friday',
      'notes.write',
      { name: 'the-demo-is-on', text: 'the demo is on Friday' },
    ],
    ['Note: buy milk', 'notes.write', { name: 'buy-milk', text: 'buy milk' }],
    ['show my notes', 'notes.list', {}],
    ['what did I tell you?', 'notes.list', {}],
    ['read the note buy-milk', 'notes.read', { name: 'buy-milk' }],
    ['forget the note buy-milk', 'notes.delete', { name: 'buy-milk' }],
  ])('%s → %s', async (text, name, input) => {
    const all = ['time.now', 'notes.list', 'notes.read', 'notes.write', 'notes.delete'].map((name) => ({
      ...tools[0]!,
      name,
    }));
    const heard = await listen(callOf(text, { tools: all }), demoEndpoint);
    expect(messageOf(heard).content.at(-1)).toEqual({
      type: 'toolCall',
      id: 'demo_1',
      name,
      arguments: input,
    });
    expect(heard.end).toMatchObject({ stop: 'toolCalls' });
  });

  it('calls only what it is offered', async () => {
    const heard = await listen(callOf('what time is it, and show my notes'), demoEndpoint);
    expect(heard.types).not.toContain('toolStart');
    expect(heard.end).toMatchObject({ stop: 'end' });
  });

  it('tells the result of a call, and gives the next call another id', async () => {
    const call = callOf('what time is it?', { tools });
    const first = messageOf(await listen(call, demoEndpoint));
    const result: ToolResultPart = {
      type: 'toolResult',
      callId: 'demo_1',
      name: 'time.now',
      content: [{ type: 'text', text: '12:00' }],
      isError: false,
    };
    const messages = [...call.messages, first, { role: 'tool' as const, content: [result] }];
    const second = await listen({ ...call, messages }, demoEndpoint);
    expect(second.text).toContain('12:00');
    expect(second.types).not.toContain('toolStart');
    const third = await listen(
      { ...call, messages: [...messages, messageOf(second), user('and the time now?')] },
      demoEndpoint,
    );
    expect(messageOf(third).content.at(-1)).toMatchObject({ id: 'demo_2' });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort();
    expect((await listen(callOf('hi'), demoEndpoint, controller.signal)).end).toMatchObject({
      error: { kind: 'aborted' },
    });
  });
});
