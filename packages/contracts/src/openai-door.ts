/**
 * The OpenAI-compatible API under `/openai/v1`. An agent is a model.
 * https://platform.openai.com/docs/api-reference/chat/create
 * https://platform.openai.com/docs/api-reference/responses/create
 *
 * Nothing is ignored silently: a parameter is honoured, or documented as without effect here (`inert`), or refused by its
 * name. A parameter that neither OpenAI nor we know is refused, as OpenAI does.
 */
import { z } from 'zod';
import { maxMessageLength } from './conversations.ts';

/** The largest body of a request, in bytes: room for attachments in base64. */
export const maxOpenaiBodyBytes = 24 * 1024 * 1024;

/** Attachments of one request, with those of its history. As many as a model is shown. */
export const maxOpenaiAttachments = 10;

const text = z.string().max(maxMessageLength);
/** Read in detail by the api, which knows what each type of part is. */
const part = z.looseObject({ type: z.string().max(100), text: text.nullish() });
const content = z.union([text, z.array(part).max(100)]);

/** Steer the model's sampling, or concern OpenAI's own platform: the agent and its team decide. */
const inertChat = [
  'frequency_penalty',
  'metadata',
  'moderation',
  'parallel_tool_calls',
  'prediction',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning_effort',
  'safety_identifier',
  'seed',
  'service_tier',
  'store',
  'temperature',
  'top_p',
  'user',
  'verbosity',
];

const ownTools = 'the agent has its own tools; tools of the client are not supported';

/** Parameters that would change the answer's meaning. Each names what it is refused for; null: this value asks for nothing. */
type Refusals = Record<string, (value: unknown) => string | null>;

const isEmpty = (value: unknown) =>
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

const refusedUnlessEmpty = (message: string) => (value: unknown) => (isEmpty(value) ? null : message);

const toolChoice = (value: unknown) => (value === 'none' || value === 'auto' ? null : ownTools);

const refusedChat: Refusals = {
  audio: refusedUnlessEmpty('answers are text; audio is not supported'),
  function_call: toolChoice,
  functions: refusedUnlessEmpty(ownTools),
  logit_bias: refusedUnlessEmpty('is not supported'),
  logprobs: refusedUnlessEmpty('is not supported'),
  modalities: (value) =>
    Array.isArray(value) && value.every((each) => each === 'text') ? null : 'answers are text',
  n: (value) => (value === 1 ? null : 'must be 1: a request is one run of the agent'),
  tool_choice: toolChoice,
  tools: refusedUnlessEmpty(ownTools),
  top_logprobs: (value) => (value === 0 ? null : 'is not supported'),
  web_search_options: refusedUnlessEmpty('the agent has its own tools; give it one that searches'),
};

/** What a request may name besides what its schema has. An answer names at most so many problems. */
const maxProblems = 20;

function refuseOthers(
  body: object,
  { known, inert, refused }: { known: object; inert: readonly string[]; refused: Refusals },
  add: (name: string, message: string) => void,
): void {
  let problems = 0;
  for (const [name, value] of Object.entries(body)) {
    if (problems >= maxProblems) return;
    if (Object.hasOwn(known, name) || inert.includes(name) || value === null || value === undefined) continue;
    const refusal = Object.hasOwn(refused, name) ? refused[name]!(value) : 'is no parameter of this API';
    if (refusal === null) continue;
    problems += 1;
    add(name, refusal);
  }
}

const model = z.string().min(1).max(200).meta({ description: "An agent's name or id." });
const tokens = z.number().int().min(1).max(10_000_000);
const formatName = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 characters of a-z, A-Z, 0-9, _ and -');
const schemaObject = z.record(z.string(), z.unknown()).meta({ maxProperties: 1_000 });

const ResponseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ name: formatName, schema: schemaObject }),
  }),
]);

const chatShape = {
  model,
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
        content: content.nullish(),
        tool_calls: z.array(z.looseObject({})).max(128).nullish(),
        tool_call_id: z.string().max(200).nullish(),
      }),
    )
    .min(1)
    .max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: tokens.nullish(),
  max_completion_tokens: tokens.nullish(),
  response_format: ResponseFormat.nullish(),
  stop: z.union([z.string().max(500), z.array(z.string().min(1).max(500)).max(4)]).nullish(),
};

export const ChatCompletionBody = z.looseObject(chatShape).superRefine((body, context) => {
  const others = { known: chatShape, inert: inertChat, refused: refusedChat };
  refuseOthers(body, others, (name, message) => {
    context.addIssue({ code: 'custom', path: [name], message, input: body });
  });
});
export type ChatCompletionBody = z.infer<typeof ChatCompletionBody>;

const inertResponses = [
  'metadata',
  'moderation',
  'parallel_tool_calls',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'stream_options',
  'temperature',
  'top_p',
  'user',
];

const refusedResponses: Refusals = {
  access_programs: refusedUnlessEmpty('is not supported'),
  background: refusedUnlessEmpty('is not supported; POST /v1/agents/:id/messages answers at once'),
  context_management: refusedUnlessEmpty('the agent shortens long conversations by itself'),
  conversation: () => 'is not supported; use previous_response_id',
  image: refusedUnlessEmpty('is not supported'),
  // Each adds something to the answer. Encrypted reasoning is asked for by clients on their own; there is none.
  include: (value) =>
    Array.isArray(value) && value.every((each) => each === 'reasoning.encrypted_content')
      ? null
      : 'is not supported',
  max_tool_calls: () => "is not supported; the agent's limits say how much it may do",
  prompt: () => "is not supported; the agent's instructions are its prompt",
  tool_choice: toolChoice,
  tools: refusedUnlessEmpty(ownTools),
  top_logprobs: (value) => (value === 0 ? null : 'is not supported'),
  truncation: (value) => (value === 'auto' || value === 'disabled' ? null : 'is not supported'),
};

const responsesShape = {
  model,
  input: z.union([text, z.array(z.looseObject({ type: z.string().max(100).nullish() })).max(1000)]),
  instructions: text.nullish(),
  max_output_tokens: tokens.nullish(),
  previous_response_id: z.string().max(100).nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  text: z
    .looseObject({
      format: z
        .discriminatedUnion('type', [
          z.looseObject({ type: z.literal('text') }),
          z.looseObject({ type: z.literal('json_object') }),
          z.looseObject({ type: z.literal('json_schema'), name: formatName, schema: schemaObject }),
        ])
        .nullish(),
    })
    .nullish(),
};

export const ResponsesBody = z.looseObject(responsesShape).superRefine((body, context) => {
  const others = { known: responsesShape, inert: inertResponses, refused: refusedResponses };
  refuseOthers(body, others, (name, message) => {
    context.addIssue({ code: 'custom', path: [name], message, input: body });
  });
});
export type ResponsesBody = z.infer<typeof ResponsesBody>;
