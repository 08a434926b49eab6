/**
 * Each compat flag against a server that insists on the rule it is for: without the flag the call is refused, with it the
 * call goes through.
 */
import type { ModelMessage } from '@nightshift/contracts';
import type { Compat, ModelCall } from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, type Quirk, startModelServer } from '../../support/model-server/index.ts';
import {
  attachments,
  callOf,
  endpointFor,
  errorOf,
  listen,
  messageOf,
  tools,
  user,
  type Wire,
} from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

interface Rule {
  flag: keyof Compat;
  compat: Compat;
  quirk: Quirk;
  call: Partial<ModelCall>;
  wires: readonly Wire[];
  /** What is set without the flag. */
  before?: Compat;
}

const chat = ['openai-chat'] as const;
const openai = ['openai-chat', 'openai-responses'] as const;
const anthropic = ['anthropic-messages'] as const;
const all = [...openai, ...anthropic] as const;

/** A tool call that another model made, and its result. */
const toolTurn: ModelMessage[] = [
  user('go'),
  {
    role: 'assistant',
    content: [{ type: 'toolCall', id: 'call_1234567890', name: 'time.now', arguments: {} }],
  },
  {
    role: 'tool',
    content: [
      {
        type: 'toolResult',
        callId: 'call_1234567890',
        name: 'time.now',
        content: [{ type: 'text', text: '12:00' }],
        isError: false,
      },
    ],
  },
];
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const output = { name: 'answer', schema };

const rules: readonly Rule[] = [
  {
    flag: 'maxTokensField',
    compat: { maxTokensField: 'max_tokens' },
    quirk: 'max_tokens only',
    call: { maxOutputTokens: 100 },
    wires: chat,
  },
  {
    flag: 'maxTokensField',
    compat: { maxTokensField: 'max_completion_tokens' },
    before: { maxTokensField: 'max_tokens' },
    quirk: 'max_completion_tokens only',
    call: { maxOutputTokens: 100 },
    wires: chat,
  },
  {
    flag: 'noStreamUsage',
    compat: { noStreamUsage: true },
    quirk: 'no stream_options',
    call: {},
    wires: chat,
  },
  {
    flag: 'toolCallIds',
    compat: { toolCallIds: 'alphanumeric9' },
    quirk: 'nine-character ids',
    call: { messages: toolTurn, tools },
    wires: chat,
  },
  {
    flag: 'noParallelToolCalls',
    compat: { noParallelToolCalls: true },
    quirk: 'no parallel_tool_calls',
    call: { tools, parallelToolCalls: false },
    wires: openai,
  },
  {
    flag: 'noRequiredToolChoice',
    compat: { noRequiredToolChoice: true },
    quirk: 'no required tool_choice',
    call: { tools, toolChoice: 'required' },
    wires: all,
  },
  {
    flag: 'reasoningField',
    compat: { reasoningField: 'reasoning_content' },
    quirk: 'reasoning_content comes back',
    call: { messages: toolTurn, tools },
    wires: chat,
  },
  {
    flag: 'thoughtSignatures',
    compat: { thoughtSignatures: true },
    quirk: 'thought signatures come back',
    call: { messages: toolTurn, tools },
    wires: chat,
  },
  {
    flag: 'noReasoningWithTools',
    compat: { noReasoningWithTools: ['test-'] },
    quirk: 'no reasoning with tools',
    call: { tools, thinking: 'high' },
    wires: chat,
  },
  ...(['reasoning', 'thinking', 'enable_thinking', 'none'] as const).map(
    (thinkingField): Rule => ({
      flag: 'thinkingField',
      compat: { thinkingField },
      quirk: 'no reasoning_effort',
      call: { thinking: 'low' },
      wires: chat,
    }),
  ),
  {
    flag: 'thinkingField',
    compat: { thinkingField: 'reasoning_effort' },
    before: { thinkingField: 'reasoning' },
    quirk: 'no reasoning',
    call: { thinking: 'low' },
    wires: chat,
  },
  {
    flag: 'noThinking',
    compat: { noThinking: ['test-'] },
    quirk: 'no reasoning_effort',
    call: { thinking: 'low' },
    wires: chat,
  },
  {
    flag: 'noThinking',
    compat: { noThinking: ['other', 'test-'] },
    quirk: 'no encrypted reasoning',
    call: {},
    wires: ['openai-responses'],
  },
  {
    flag: 'noThinking',
    compat: { noThinking: [''] },
    quirk: 'no thinking',
    call: { thinking: 'off' },
    wires: anthropic,
  },
  {
    flag: 'alwaysThinks',
    compat: { alwaysThinks: ['test-'] },
    quirk: 'thinking cannot be off',
    call: { thinking: 'off' },
    wires: all,
  },
  {
    flag: 'budgetThinking',
    compat: { budgetThinking: ['test-'] },
    quirk: 'budget thinking only',
    call: { thinking: 'high' },
    wires: anthropic,
  },
  {
    flag: 'schemaInPrompt',
    compat: { schemaInPrompt: true },
    quirk: 'no json_schema',
    call: { output },
    wires: all,
  },
  {
    flag: 'textOnly',
    compat: { textOnly: true },
    quirk: 'text only',
    call: { messages: [{ role: 'user', content: [attachments.image] }] },
    wires: all,
  },
  {
    flag: 'xApiKey',
    compat: { xApiKey: true },
    quirk: 'x-api-key',
    call: {},
    wires: anthropic,
  },
  {
    flag: 'anthropicVersion',
    compat: { anthropicVersion: '2023-06-01' },
    quirk: 'anthropic-version 2023-06-01',
    call: {},
    wires: anthropic,
  },
];

const cases = rules.flatMap((rule) =>
  rule.wires.map((wire) => ({ ...rule, wire, set: JSON.stringify(rule.compat) })),
);

it.each(cases)('$wire: $set is for "$quirk"', async ({ wire, compat, before, quirk, call }) => {
  server.insistOn(quirk);
  const without = await listen(callOf('hi', call), endpointFor(server, wire, before ?? {}));
  expect(errorOf(without).kind).toMatch(/request|auth/);
  expect(server.requests[0]!.refused).not.toBeNull();
  const withFlag = await listen(callOf('hi', call), endpointFor(server, wire, compat));
  expect(server.requests[1]!.refused).toBeNull();
  messageOf(withFlag);
});

/** Flags for something that is sent only with them. */
const additions: readonly {
  flag: keyof Compat;
  quirk: Quirk;
  call: Partial<ModelCall>;
  wires: readonly Wire[];
}[] = [
  {
    flag: 'promptCacheKey',
    quirk: 'no prompt_cache_key',
    call: { cacheKey: 'conversation-1' },
    wires: openai,
  },
  { flag: 'asksForCost', quirk: 'no usage', call: {}, wires: chat },
  {
    flag: 'files',
    quirk: 'no files',
    call: { messages: [{ role: 'user', content: [attachments.pdf] }] },
    wires: all,
  },
  {
    flag: 'audio',
    quirk: 'no audio',
    call: { messages: [{ role: 'user', content: [attachments.audio] }] },
    wires: chat,
  },
];

it.each(additions.flatMap((addition) => addition.wires.map((wire) => ({ ...addition, wire }))))(
  '$wire: only with $flag something is sent that "$quirk" refuses',
  async ({ wire, flag, quirk, call }) => {
    server.insistOn(quirk);
    messageOf(await listen(callOf('hi', call), endpointFor(server, wire)));
    errorOf(await listen(callOf('hi', call), endpointFor(server, wire, { [flag]: true })));
    server.insistOn();
    messageOf(await listen(callOf('hi', call), endpointFor(server, wire, { [flag]: true })));
    expect(server.requests.map((request) => request.refused !== null)).toEqual([false, true, false]);
  },
);

/** Flags about what is read rather than sent: they have tests of their own. */
type OfAnswers = 'costField';

/** Every flag of `Compat`: one that is added without a case here does not compile. */
const flags: Record<Exclude<keyof Required<Compat>, OfAnswers>, true> = {
  asksForCost: true,
  maxTokensField: true,
  noStreamUsage: true,
  toolCallIds: true,
  noParallelToolCalls: true,
  noRequiredToolChoice: true,
  reasoningField: true,
  thinkingField: true,
  noThinking: true,
  alwaysThinks: true,
  budgetThinking: true,
  noReasoningWithTools: true,
  opensThinking: true,
  thoughtSignatures: true,
  schemaInPrompt: true,
  promptCacheKey: true,
  textOnly: true,
  files: true,
  audio: true,
  xApiKey: true,
  anthropicVersion: true,
};

/** Flags for what is read: their cases are in the files named. */
const readings: readonly (keyof Compat)[] = [
  // think-tags.test.ts
  'opensThinking',
];

it('has a case for every flag', () => {
  const covered = new Set([...[...rules, ...additions].map(({ flag }) => flag), ...readings]);
  expect([...covered].sort()).toEqual(Object.keys(flags).sort());
});

describe('without any flag', () => {
  it.each(openai)('%s: sends no developer role, and no parameter that nobody asked for', async (wire) => {
    server.insistOn(
      'no developer role',
      'no parallel_tool_calls',
      'no prompt_cache_key',
      'no reasoning_effort',
      'no reasoning',
    );
    messageOf(await listen(callOf('hi', { system: 'Be brief.', tools }), endpointFor(server, wire)));
  });

  it('openai-chat: user messages never follow each other, also after images of tools', async () => {
    server.insistOn('roles alternate');
    const [ask, call, results] = toolTurn as [
      ModelMessage,
      ModelMessage,
      Extract<ModelMessage, { role: 'tool' }>,
    ];
    const pictured: ModelMessage = {
      role: 'tool',
      content: [{ ...results.content[0]!, content: [attachments.image] }],
    };
    const messages = [ask, call, pictured, user('and?'), user('well?')];
    messageOf(await listen(callOf('', { messages, tools }), endpointFor(server, 'openai-chat')));
    expect(server.requests[0]!.body.messages.map((message: { role: string }) => message.role)).toEqual([
      'user',
      'assistant',
      'tool',
      'user',
    ]);
  });

  it('anthropic-messages: a turn that another model began is gone on with, budget or not', async () => {
    const call = callOf('', { messages: toolTurn, tools, thinking: 'high' });
    server.insistOn('budget thinking only');
    messageOf(await listen(call, endpointFor(server, 'anthropic-messages', { budgetThinking: [''] })));
    server.insistOn('adaptive thinking only');
    messageOf(await listen(call, endpointFor(server, 'anthropic-messages')));
  });

  it('anthropic-messages: a history that ends with an answer is no prefill', async () => {
    const messages: ModelMessage[] = [
      user('hi'),
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
    ];
    messageOf(await listen(callOf('', { messages }), endpointFor(server, 'anthropic-messages')));
  });
});
