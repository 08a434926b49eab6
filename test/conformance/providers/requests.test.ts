/** What a call asks for, in each wire's words. The server refuses what the vendor would refuse. */
import type { ModelMessage } from '@nightshift/contracts';
import type { Compat, ModelCall } from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import {
  attachments,
  callOf,
  endpointFor,
  errorOf,
  listen,
  messageOf,
  tools,
  type Wire,
  wires,
} from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => {
  server.reset();
  vi.unstubAllEnvs();
});
afterAll(() => server.close());

/** The body of an accepted request. */
async function sent(wire: Wire, call: Partial<ModelCall>, compat: Compat = {}) {
  messageOf(await listen(callOf('hi', call), endpointFor(server, wire, compat)));
  return server.requests.at(-1)!.body;
}

describe('thinking', () => {
  it.each<[Wire, NonNullable<ModelCall['thinking']>, Compat, object]>([
    ['openai-chat', 'low', {}, { reasoning_effort: 'low' }],
    ['openai-chat', 'off', {}, { reasoning_effort: 'none' }],
    ['openai-chat', 'off', { alwaysThinks: [''] }, { reasoning_effort: 'low' }],
    ['openai-chat', 'high', { thinkingField: 'reasoning' }, { reasoning: { effort: 'high' } }],
    ['openai-chat', 'high', { thinkingField: 'thinking' }, { thinking: { type: 'enabled' } }],
    ['openai-chat', 'off', { thinkingField: 'thinking' }, { thinking: { type: 'disabled' } }],
    ['openai-chat', 'low', { thinkingField: 'enable_thinking' }, { enable_thinking: true }],
    ['openai-chat', 'off', { thinkingField: 'enable_thinking' }, { enable_thinking: false }],
    ['openai-responses', 'medium', {}, { reasoning: { effort: 'medium', summary: 'auto' } }],
    ['openai-responses', 'off', {}, { reasoning: { effort: 'none' } }],
    [
      'anthropic-messages',
      'medium',
      {},
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'medium' } },
    ],
    ['anthropic-messages', 'off', {}, { thinking: { type: 'disabled' } }],
    [
      'anthropic-messages',
      'low',
      { budgetThinking: [''] },
      { thinking: { type: 'enabled', budget_tokens: 2048 }, max_tokens: 16_384 + 2048 },
    ],
  ])('%s: %s with %j', async (wire, thinking, compat, expected) => {
    expect(await sent(wire, { thinking }, compat)).toMatchObject(expected);
  });

  it.each(wires)('%s: is left to the model when nobody asks', async (wire) => {
    const body = await sent(wire, {});
    for (const field of ['reasoning_effort', 'reasoning', 'thinking', 'enable_thinking', 'output_config'])
      expect(body).not.toHaveProperty(field);
  });

  it('anthropic-messages: a budget stays below the cap, or thinking is off', async () => {
    const compat = { budgetThinking: [''] };
    expect(
      await sent('anthropic-messages', { thinking: 'high', maxOutputTokens: 4000 }, compat),
    ).toMatchObject({
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 3000 },
    });
    expect(
      await sent('anthropic-messages', { thinking: 'high', maxOutputTokens: 500 }, compat),
    ).toMatchObject({
      max_tokens: 500,
      thinking: { type: 'disabled' },
    });
  });
});

describe('structured output', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, at: { type: 'object', properties: { x: { type: 'number' } } } },
    required: ['city'],
  };
  const closed = {
    ...schema,
    additionalProperties: false,
    properties: { ...schema.properties, at: { ...schema.properties.at, additionalProperties: false } },
  };
  const output = { name: 'place', schema };

  it('is a response format on each wire', async () => {
    expect((await sent('openai-chat', { output })).response_format).toEqual({
      type: 'json_schema',
      // Not every property is required: OpenAI's strict mode would refuse it.
      json_schema: { name: 'place', schema: closed, strict: false },
    });
    expect((await sent('openai-responses', { output })).text).toEqual({
      format: { type: 'json_schema', name: 'place', schema: closed, strict: false },
    });
    expect((await sent('anthropic-messages', { output, thinking: 'low' })).output_config).toEqual({
      format: { type: 'json_schema', schema: closed },
      effort: 'low',
    });
  });

  it('is strict where it can be', async () => {
    const strict = {
      ...output,
      schema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
    };
    expect((await sent('openai-chat', { output: strict })).response_format.json_schema.strict).toBe(true);
  });

  it('is told in the prompt where the vendor takes no schema', async () => {
    const body = await sent('openai-chat', { output, system: 'Be brief.' }, { schemaInPrompt: true });
    expect(body.response_format).toEqual({ type: 'json_object' });
    expect(body.messages[0].content).toMatch(/^Be brief\.\n\n.*JSON Schema/s);
    expect(body.messages[0].content).toContain(JSON.stringify(schema));
  });

  it.each(wires)('%s: the answer is text, to be parsed by who asked', async (wire) => {
    server.script([{ text: '{"city": "Bern"}' }]);
    expect((await listen(callOf('where?', { output }), endpointFor(server, wire))).text).toBe(
      '{"city": "Bern"}',
    );
  });
});

describe('tools', () => {
  it.each<[Wire, Partial<ModelCall>, object]>([
    ['openai-chat', { toolChoice: 'required' }, { tool_choice: 'required' }],
    [
      'openai-chat',
      { toolChoice: 'none', parallelToolCalls: false },
      { tool_choice: 'none', parallel_tool_calls: false },
    ],
    ['openai-responses', { toolChoice: 'required' }, { tool_choice: 'required' }],
    [
      'openai-responses',
      { toolChoice: 'auto', parallelToolCalls: false },
      { tool_choice: 'auto', parallel_tool_calls: false },
    ],
    ['anthropic-messages', { toolChoice: 'required' }, { tool_choice: { type: 'any' } }],
    ['anthropic-messages', { toolChoice: 'none' }, { tool_choice: { type: 'none' } }],
    [
      'anthropic-messages',
      { parallelToolCalls: false },
      { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    ],
    // The vendor refuses to do both.
    [
      'anthropic-messages',
      { toolChoice: 'required', thinking: 'high' },
      { tool_choice: { type: 'any' }, thinking: { type: 'disabled' } },
    ],
  ])('%s: %j', async (wire, call, expected) => {
    expect(await sent(wire, { tools, ...call })).toMatchObject(expected);
  });

  it.each(wires)('%s: nothing is said about tools where there are none', async (wire) => {
    const body = await sent(wire, { toolChoice: 'required', parallelToolCalls: false });
    for (const field of ['tools', 'tool_choice', 'parallel_tool_calls'])
      expect(body).not.toHaveProperty(field);
  });
});

describe('prompt cache', () => {
  it.each(['openai-chat', 'openai-responses'] as const)(
    '%s: a key, of at most 64 characters',
    async (wire) => {
      const compat = { promptCacheKey: true };
      expect((await sent(wire, { cacheKey: 'conversation-1' }, compat)).prompt_cache_key).toBe(
        'conversation-1',
      );
      const long = (await sent(wire, { cacheKey: 'x'.repeat(65) }, compat)).prompt_cache_key;
      expect(long).toMatch(/^[0-9a-f]{64}$/);
      expect((await sent(wire, { cacheKey: 'x'.repeat(66) }, compat)).prompt_cache_key).not.toBe(long);
    },
  );

  it('anthropic-messages: marks the ends of the last two turns, four marks in all', async () => {
    const messages: ModelMessage[] = ['a', 'b', 'c'].flatMap((text) => [
      { role: 'user', content: [{ type: 'text', text }] },
      { role: 'assistant', content: [{ type: 'text', text }] },
    ]);
    const body = await sent('anthropic-messages', {
      messages: messages.slice(0, 5),
      tools,
      system: 'Be brief.',
    });
    const marked = body.messages.map((message: { content: { cache_control?: unknown }[] }) =>
      message.content.some((block) => block.cache_control),
    );
    expect(marked).toEqual([false, false, true, false, true]);
    expect(JSON.stringify(body).match(/cache_control/g)).toHaveLength(4);
  });
});

describe('attachments', () => {
  const { image, pdf, csv, docx, audio } = attachments;
  const said: ModelMessage = {
    role: 'user',
    content: [{ type: 'text', text: 'see' }, image, pdf, csv, docx, audio],
  };
  const compat = { files: true, audio: true };

  it('openai-chat', async () => {
    const body = await sent('openai-chat', { messages: [said] }, compat);
    expect(body.messages[0].content).toEqual([
      { type: 'text', text: 'see' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aW1hZ2U=' } },
      { type: 'file', file: { filename: 'report.pdf', file_data: 'data:application/pdf;base64,cGRm' } },
      { type: 'text', text: '[File prices.csv]\napple,1' },
      {
        type: 'text',
        text: '[The file letter.doc (application/msword) was here. This model cannot read it.]',
      },
      { type: 'input_audio', input_audio: { data: 'bXAz', format: 'mp3' } },
    ]);
  });

  it('openai-responses', async () => {
    const body = await sent('openai-responses', { messages: [said] }, compat);
    expect(body.input[0].content).toEqual([
      { type: 'input_text', text: 'see' },
      { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,aW1hZ2U=' },
      { type: 'input_file', filename: 'report.pdf', file_data: 'data:application/pdf;base64,cGRm' },
      { type: 'input_text', text: '[File prices.csv]\napple,1' },
      {
        type: 'input_text',
        text: '[The file letter.doc (application/msword) was here. This model cannot read it.]',
      },
      { type: 'input_text', text: '[A sound recording was here. This model cannot hear it.]' },
    ]);
  });

  it('anthropic-messages', async () => {
    const body = await sent('anthropic-messages', { messages: [said] }, compat);
    expect(body.messages[0].content).toMatchObject([
      { type: 'text', text: 'see' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aW1hZ2U=' } },
      {
        type: 'document',
        title: 'report.pdf',
        source: { type: 'base64', media_type: 'application/pdf', data: 'cGRm' },
      },
      {
        type: 'document',
        title: 'prices.csv',
        source: { type: 'text', media_type: 'text/plain', data: 'apple,1' },
      },
      {
        type: 'text',
        text: '[The file letter.doc (application/msword) was here. This model cannot read it.]',
      },
      { type: 'text', text: '[A sound recording was here. This model cannot hear it.]' },
    ]);
  });

  it.each(wires)('%s: are words where the vendor takes none', async (wire) => {
    const body = JSON.stringify(await sent(wire, { messages: [said] }, { textOnly: true }));
    for (const part of [image, pdf, docx, audio]) expect(body).not.toContain(`"${part.data}"`);
    for (const words of ['An image was here', 'report.pdf', 'apple,1', 'letter.doc', 'sound recording'])
      expect(body).toContain(words);
  });

  it.each(wires)('%s: an image that no model reads is words, too', async (wire) => {
    const heic = { type: 'image', mediaType: 'image/heic', data: 'aGVpYw==' } as const;
    const body = JSON.stringify(await sent(wire, { messages: [{ role: 'user', content: [heic] }] }));
    expect(body).toContain('image/heic was here');
    expect(body).not.toContain('aGVpYw==');
  });
});

describe('the key and the headers', () => {
  it.each(wires)('%s: the environment puts nothing into requests', async (wire) => {
    const custom = 'Authorization: Bearer stolen\nX-Team: secret-team\nanthropic-version: evil\nCookie: a=b';
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', custom);
    vi.stubEnv('ANTHROPIC_CUSTOM_HEADERS', custom);
    for (const name of ['OPENAI_API_KEY', 'OPENAI_ADMIN_KEY', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'])
      vi.stubEnv(name, `env-${name}`);
    for (const name of ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_PROFILE'])
      vi.stubEnv(name, `env-${name}`);
    for (const name of ['OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL'])
      vi.stubEnv(name, 'http://127.0.0.1:9/elsewhere');
    const apiKey = `only-this-${wire}`;
    // A key of its own makes a client of its own, with this environment.
    messageOf(await listen(callOf('hi'), { ...endpointFor(server, wire), apiKey }));
    const { headers } = server.requests[0]!;
    expect(headers.authorization).toBe(`Bearer ${apiKey}`);
    expect(JSON.stringify(headers)).not.toMatch(/stolen|secret-team|evil|a=b|env-/);
    expect(Object.keys(headers).filter((name) => /^(x-stainless|openai-|x-team|cookie)/.test(name))).toEqual(
      [],
    );

    messageOf(await listen(callOf('hi'), { ...endpointFor(server, wire), apiKey: null }));
    expect(server.requests[1]!.headers).not.toHaveProperty('authorization');
    expect(server.requests[1]!.headers).not.toHaveProperty('x-api-key');
  });

  it.each(wires)('%s: a key with a line break in it is refused in words, without a call', async (wire) => {
    for (const apiKey of ['sk-first\nsecond', 'sk-two words', 'sk-schlüssel']) {
      const error = errorOf(await listen(callOf('hi'), { ...endpointFor(server, wire), apiKey }));
      expect(error).toMatchObject({ kind: 'auth', message: expect.stringContaining('line break') });
      expect(`${error.message} ${String(error.cause)}`).not.toContain(apiKey.slice(3));
    }
    expect(server.requests).toHaveLength(0);
    // One at the end came along when it was copied.
    messageOf(await listen(callOf('hi'), { ...endpointFor(server, wire), apiKey: 'sk-copied\n' }));
    expect(server.requests[0]!.headers.authorization).toBe('Bearer sk-copied');
  });

  it.each(wires)('%s: tells what is left of the rate limits', async (wire) => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-remaining-tokens': '1200',
      'x-ratelimit-reset-requests': '6m0s',
      'x-ratelimit-reset-tokens': '20ms',
    };
    server.script([{ text: 'x', headers }]);
    const [limited, free] = [
      await listen(callOf('hi'), endpointFor(server, wire)),
      await listen(callOf('hi'), endpointFor(server, wire)),
    ];
    expect(limited.events[0]).toEqual({
      type: 'start',
      rateLimit: { remainingRequests: 0, remainingTokens: 1200, resetMs: 360_000 },
    });
    expect(free.events[0]).toEqual({ type: 'start' });
  });
});
