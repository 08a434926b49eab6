// biome-ignore-all lint/suspicious/noExplicitAny: it reads bodies that may be anything
/**
 * What single vendors refuse or insist on beyond the wire's own rules, each as they document it. A test switches on the
 * quirk, and what a compat flag is for becomes visible: without the flag the call is refused.
 */

type Refuse = (body: any, headers: Record<string, string | undefined>) => string | null;

const unknown =
  (name: string): Refuse =>
  (body) =>
    body[name] === undefined ? null : `Unrecognized request argument supplied: ${name}`;

const partTypes = (body: any): string[] =>
  (body.messages ?? body.input).flatMap((message: any) => {
    const content = message.content ?? message.output;
    if (!Array.isArray(content)) return [];
    return content.flatMap((part: any) => [
      part.type,
      ...(Array.isArray(part.content) ? part.content.map((inner: any) => inner.type) : []),
    ]);
  });

const noParts =
  (...types: string[]): Refuse =>
  (body) => {
    const found = partTypes(body).find((type) => types.includes(type));
    return found ? `unknown variant '${found}', expected 'text'` : null;
  };

const callingMessages = (body: any): any[] =>
  body.messages.filter((message: any) => message.role === 'assistant' && message.tool_calls?.length);

export const quirks = {
  /** Most compatible servers. */
  'max_tokens only': unknown('max_completion_tokens'),
  /** OpenAI's reasoning models. */
  'max_completion_tokens only': unknown('max_tokens'),
  /** Mistral, Cohere. */
  'no stream_options': unknown('stream_options'),
  /** Mistral: "Tool call id has to be a-z, A-Z, 0-9, with a length of 9". */
  'nine-character ids': (body) => {
    const ids = callingMessages(body).flatMap((message) => message.tool_calls.map((call: any) => call.id));
    const wrong = ids.find((id) => !/^[a-zA-Z0-9]{9}$/.test(id));
    return wrong ? `Tool call id was ${wrong} but must be a-z, A-Z, 0-9, with a length of 9.` : null;
  },
  /** Many local servers, o-series models. */
  'no parallel_tool_calls': unknown('parallel_tool_calls'),
  /** Kimi: "tool_choice 'required' is incompatible with thinking enabled". */
  'no required tool_choice': (body) =>
    body.tool_choice === 'required' || body.tool_choice?.type === 'any'
      ? "tool_choice 'required' is not supported"
      : null,
  /** All but OpenAI. */
  'no developer role': (body) =>
    (body.messages ?? body.input).some((message: any) => message.role === 'developer')
      ? "developer is not one of ['system', 'assistant', 'user', 'tool']"
      : null,
  /** Perplexity, and chat templates of open models. */
  'roles alternate': (body) => {
    const said = body.messages.filter(
      (message: any) => message.role === 'user' || message.role === 'assistant',
    );
    const twice = said.some(
      (message: any, at: number) => at > 0 && message.role === 'user' && said[at - 1].role === 'user',
    );
    return twice ? 'user or tool messages should alternate with assistant messages' : null;
  },
  /** DeepSeek: "Missing reasoning_content field in the assistant message". */
  'reasoning_content comes back': (body) =>
    callingMessages(body).some((message) => message.reasoning_content === undefined)
      ? 'Missing `reasoning_content` field in the assistant message.'
      : null,
  /** Gemini 3. */
  'thought signatures come back': (body) =>
    callingMessages(body).some((message) => !message.tool_calls[0].extra_content?.google?.thought_signature)
      ? 'Function call is missing a thought_signature in functionCall parts.'
      : null,
  /** OpenAI from gpt-5.5 on, chat completions. */
  'no reasoning with tools': (body) =>
    body.tools?.length && body.reasoning_effort !== 'none'
      ? 'Function tools with reasoning_effort are not supported in /v1/chat/completions.'
      : null,
  'no reasoning_effort': unknown('reasoning_effort'),
  'no reasoning': unknown('reasoning'),
  'no thinking': unknown('thinking'),
  /** gpt-4o and older on the responses wire. */
  'no encrypted reasoning': (body) =>
    body.include?.includes('reasoning.encrypted_content')
      ? 'Encrypted content is not supported with this model.'
      : null,
  /** o3, gpt-5, Claude Fable 5. */
  'thinking cannot be off': (body) =>
    body.reasoning_effort === 'none' ||
    body.reasoning?.effort === 'none' ||
    body.thinking?.type === 'disabled'
      ? 'This model does not support disabled thinking.'
      : null,
  /** Claude up to 4.5, and who imitates it. */
  'budget thinking only': (body) => {
    if (body.output_config?.effort !== undefined) return 'This model does not support the effort parameter.';
    if (body.thinking?.type === 'adaptive') return 'adaptive thinking is not supported on this model';
    if (body.thinking?.type !== 'enabled') return null;
    if (body.thinking.budget_tokens < 1024) return 'thinking.enabled.budget_tokens: Input should be >= 1024';
    if (body.thinking.budget_tokens >= body.max_tokens)
      return '`max_tokens` must be greater than `thinking.budget_tokens`';
    const last = body.messages.findLast((message: any) => message.role === 'assistant');
    const inTurn = body.messages.at(-1).content.some((block: any) => block.type === 'tool_result');
    return inTurn && !/thinking/.test(last.content[0].type)
      ? 'Expected `thinking` or `redacted_thinking`, but found `tool_use`.'
      : null;
  },
  /** Claude from 4.7 on. */
  'adaptive thinking only': (body) =>
    body.thinking?.type === 'enabled' ? '"thinking.type.enabled" is not supported for this model.' : null,
  /** DeepSeek, and imitators of Anthropic. */
  'no json_schema': (body) =>
    body.response_format?.type === 'json_schema' || body.text?.format || body.output_config?.format
      ? 'This response_format type is unavailable now'
      : null,
  'no prompt_cache_key': unknown('prompt_cache_key'),
  /** All but OpenRouter. */
  'no usage': unknown('usage'),
  'text only': noParts('image_url', 'input_image', 'image'),
  'no files': noParts('file', 'input_file', 'document'),
  'no audio': noParts('input_audio'),
  /** Amazon Bedrock's older models. */
  'anthropic-version 2023-06-01': (_body, headers) =>
    headers['anthropic-version'] === '2023-06-01' ? null : 'anthropic-version: is not a valid version',
  /** MiniMax and others. */
  'x-api-key': (_body, headers) => (headers['x-api-key'] ? null : 'x-api-key: header is required'),
} as const satisfies Record<string, Refuse>;

export type Quirk = keyof typeof quirks;
