// biome-ignore-all lint/suspicious/noExplicitAny: it reads bodies that may be anything
/** Messages as Anthropic answers them. https://docs.anthropic.com/en/api/messages-streaming */
import { argumentsText, deltasOf, offeredName, type RecordedRequest, type Step, usageOf } from './script.ts';

const namePattern = /^[a-zA-Z0-9_-]{1,64}$/;
const idPattern = /^[a-zA-Z0-9_-]+$/;

/** Why Anthropic would answer 400, or null. */
export function refuseAnthropic(body: any): string | null {
  if (typeof body?.model !== 'string' || body.model === '') return 'model: Field required';
  if (!Number.isInteger(body.max_tokens) || body.max_tokens < 1) return 'max_tokens: Field required';
  if (!Array.isArray(body.messages) || body.messages.length === 0)
    return 'messages: at least one message is required';
  if (countCacheMarks(body) > 4) return 'A maximum of 4 blocks with cache_control may be provided.';
  for (const tool of body.tools ?? []) {
    if (!namePattern.test(tool?.name ?? ''))
      return `tools.0.custom.name: String should match pattern '${namePattern.source}'`;
    if (tool.input_schema?.type !== 'object') return 'tools.0.custom.input_schema.type: Field required';
  }
  const names = (body.tools ?? []).map((tool: any) => tool.name);
  if (new Set(names).size !== names.length) return 'tools: Tool names must be unique.';
  if (body.tool_choice !== undefined && !body.tools?.length)
    return 'tool_choice: may only be specified while providing tools.';
  if (['any', 'tool'].includes(body.tool_choice?.type) && body.thinking && body.thinking.type !== 'disabled')
    return 'Thinking may not be enabled when tool_choice forces tool use.';
  const format = body.output_config?.format;
  const trouble = format ? refuseSchema(format.schema) : null;
  if (trouble) return trouble;
  for (const foreign of ['temperature', 'top_p', 'top_k', 'max_completion_tokens', 'prompt_cache_key']) {
    if (body[foreign] !== undefined) return `${foreign}: Extra inputs are not permitted`;
  }
  for (const block of Array.isArray(body.system) ? body.system : []) {
    if (block.type !== 'text' || !block.text?.trim()) return 'system: text content blocks must be non-empty';
  }
  return refuseMessages(body.messages);
}

function refuseMessages(messages: any[]): string | null {
  const seen = new Set<string>();
  let unanswered = new Set<string>();
  if (messages[0].role !== 'user') return 'messages: first message must use the "user" role';
  for (const [at, message] of messages.entries()) {
    const where = `messages.${at}`;
    if (message.role !== 'user' && message.role !== 'assistant')
      return `${where}.role: Input should be 'user' or 'assistant'`;
    if (at > 0 && messages[at - 1].role === message.role) return `${where}: roles must alternate`;
    const content =
      typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
    if (!Array.isArray(content) || content.length === 0)
      return `${where}: all messages must have non-empty content`;
    if (message.role === 'user') {
      for (const block of content) {
        if (block.type !== 'tool_result') continue;
        if (!unanswered.delete(block.tool_use_id)) {
          return `${where}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}`;
        }
        if (block.is_error && !block.content?.length)
          return `${where}: content cannot be empty if \`is_error\` is true`;
      }
      if (unanswered.size > 0) {
        return `${where}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${[...unanswered]}`;
      }
      const firstOther = content.findIndex((block: any) => block.type !== 'tool_result');
      const lastResult = content.findLastIndex((block: any) => block.type === 'tool_result');
      if (firstOther !== -1 && firstOther < lastResult) return `${where}: tool_result blocks must come first`;
    }
    const trouble = refuseBlocks(content, message.role, where);
    if (trouble) return trouble;
    if (message.role === 'assistant') {
      for (const block of content) {
        if (block.type !== 'tool_use') continue;
        if (seen.has(block.id)) return `${where}: \`tool_use\` ids must be unique`;
        seen.add(block.id);
        unanswered.add(block.id);
      }
    }
  }
  if (unanswered.size > 0) return '`tool_use` ids were found without `tool_result` blocks immediately after.';
  unanswered = new Set();
  // A paused turn goes on from its server tool.
  const { role, content } = messages.at(-1);
  const isPaused = role === 'assistant' && content.at?.(-1)?.type === 'server_tool_use';
  if (role !== 'user' && !isPaused) {
    return 'This model does not support assistant message prefill. The conversation must end with a user message.';
  }
  return null;
}

const blocksOf: Record<string, ReadonlySet<string>> = {
  user: new Set(['text', 'image', 'document', 'tool_result']),
  assistant: new Set(['text', 'thinking', 'redacted_thinking', 'tool_use', 'server_tool_use']),
};

function refuseBlocks(content: any[], role: string, where: string): string | null {
  for (const block of content) {
    if (!blocksOf[role]!.has(block.type))
      return `${where}.content: unexpected block ${block.type} for role ${role}`;
    if (block.type === 'text' && !block.text?.trim())
      return 'messages: text content blocks must contain non-whitespace text';
    if (block.type === 'thinking' && !block.signature)
      return `${where}.content.0.thinking.signature: Field required`;
    if (block.type === 'thinking' && !String(block.signature).startsWith('sig')) {
      return `${where}.content.0: Invalid \`signature\` in \`thinking\` block`;
    }
    if (block.type === 'tool_use') {
      if (!idPattern.test(block.id ?? ''))
        return `${where}.content.tool_use.id: String should match pattern '${idPattern.source}'`;
      if (!namePattern.test(block.name ?? ''))
        return `${where}.content.tool_use.name: String should match pattern`;
      if (typeof block.input !== 'object' || block.input === null)
        return `${where}.content.tool_use.input: Input should be a valid dictionary`;
    }
    const trouble = refuseSource(block, where);
    if (trouble) return trouble;
    for (const inner of Array.isArray(block.content) ? block.content : []) {
      if (!['text', 'image', 'document'].includes(inner.type))
        return `${where}.content.tool_result: ${inner.type}?`;
      const trouble = refuseSource(inner, where);
      if (trouble) return trouble;
    }
  }
  return null;
}

function refuseSource({ type, source, title }: any, where: string): string | null {
  if (type === 'image') {
    const known = source?.type === 'base64' && /^image\/(png|jpeg|webp|gif)$/.test(source.media_type);
    return known && source.data ? null : `${where}.content.image.source: Input should be a valid image`;
  }
  if (type !== 'document') return null;
  const pdf = source?.type === 'base64' && source.media_type === 'application/pdf' && source.data;
  const text = source?.type === 'text' && source.media_type === 'text/plain' && source.data?.trim();
  return (pdf || text) && title ? null : `${where}.content.document.source: Field required`;
}

/** `additionalProperties` of every object must be false. */
function refuseSchema(schema: any): string | null {
  if (typeof schema !== 'object' || schema === null) return null;
  if (schema.type === 'object' && schema.additionalProperties !== false)
    return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false";
  return (
    Object.values(schema)
      .map(refuseSchema)
      .find((trouble) => trouble !== null) ?? null
  );
}

function countCacheMarks(body: any): number {
  const blocks = [
    ...(body.tools ?? []),
    ...(Array.isArray(body.system) ? body.system : []),
    ...body.messages.flatMap((message: any) => (Array.isArray(message.content) ? message.content : [])),
  ];
  return blocks.filter((block) => block?.cache_control).length;
}

export function readAnthropic(body: any): { userText: string; toolResults: string[] } {
  const messages: any[] = Array.isArray(body?.messages) ? body.messages : [];
  const textOf = (content: any): string =>
    typeof content === 'string'
      ? content
      : (content ?? [])
          .filter((block: any) => block.type === 'text')
          .map((block: any) => block.text)
          .join('');
  const user = messages.findLast((message) => message.role === 'user' && textOf(message.content) !== '');
  const last = messages.at(-1)?.content;
  return {
    userText: textOf(user?.content),
    toolResults: (Array.isArray(last) ? last : [])
      .filter((block: any) => block.type === 'tool_result')
      .map((block: any) => textOf(block.content)),
  };
}

/** The stream's events, in order, each a complete frame. `first`: how many come up to the first content. */
export function anthropicFrames(step: Step, request: RecordedRequest): { frames: string[]; first: number } {
  const frames: string[] = [];
  const event = (type: string, data: object) =>
    frames.push(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  const usage = usageOf(step, JSON.stringify(request.body.messages).length);
  let index = 0;
  const block = (start: object, deltas: object[]) => {
    event('content_block_start', { index, content_block: start });
    for (const delta of deltas) event('content_block_delta', { index, delta });
    event('content_block_stop', { index });
    index++;
  };

  event('message_start', {
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: step.answeredModel ?? request.body.model,
      content: [],
      stop_reason: null,
      ...(step.rawUsage === undefined
        ? usage && { usage: { ...inputUsage(usage), output_tokens: 1 } }
        : { usage: step.rawUsage }),
    },
  });
  event('ping', {});
  if (step.thinking) {
    const deltas: object[] = [{ type: 'thinking_delta', thinking: step.thinking }];
    if (step.signature) deltas.push({ type: 'signature_delta', signature: step.signature });
    block({ type: 'thinking', thinking: '', signature: '' }, deltas);
  }
  if (step.redacted) block({ type: 'redacted_thinking', data: step.redacted }, []);
  const deltas = [...deltasOf(step.text), ...(step.refusal ? [step.refusal] : [])];
  if (deltas.length > 0) {
    block(
      { type: 'text', text: '' },
      deltas.map((text) => ({ type: 'text_delta', text })),
    );
  }
  const offered = (request.body.tools ?? []).map((tool: any) => tool.name);
  for (const call of step.toolCalls ?? []) {
    const text = argumentsText(call);
    const half = Math.ceil(text.length / 2);
    const id = call.id ?? `toolu_${callCount(request.body) + index + 1}`;
    block(
      { type: 'tool_use', id, name: offeredName(call.name, offered), input: {} },
      [text.slice(0, half), text.slice(half)].map((part) => ({
        type: 'input_json_delta',
        partial_json: part,
      })),
    );
  }
  const first = Math.min(4, frames.length);
  if (step.fault === 'no-finish') return { frames, first };
  event('message_delta', {
    delta: {
      stop_reason: step.finish ?? (step.toolCalls?.length ? 'tool_use' : 'end_turn'),
      stop_sequence: null,
    },
    ...(step.rawUsage === undefined
      ? usage && { usage: { output_tokens: usage.output, ...outputDetails(usage) } }
      : { usage: step.rawUsage }),
  });
  event('message_stop', {});
  return { frames, first };
}

type Usage = NonNullable<ReturnType<typeof usageOf>>;

function inputUsage(usage: Usage) {
  return {
    input_tokens: usage.input - (usage.cached ?? 0) - (usage.cacheWrite ?? 0),
    cache_read_input_tokens: usage.cached ?? 0,
    cache_creation_input_tokens: usage.cacheWrite ?? 0,
  };
}

function outputDetails(usage: Usage) {
  return usage.reasoning ? { output_tokens_details: { thinking_tokens: usage.reasoning } } : {};
}

/** The answer to a request without `stream`. */
export function anthropicWhole(step: Step, request: RecordedRequest): unknown {
  const usage = usageOf(step, JSON.stringify(request.body.messages).length);
  const text = deltasOf(step.text).join('');
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: request.body.model,
    content: text ? [{ type: 'text', text }] : [],
    stop_reason: step.finish ?? 'end_turn',
    ...(usage ? { usage: { ...inputUsage(usage), output_tokens: usage.output } } : {}),
  };
}

const errorTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

export function anthropicError(step: Step): unknown {
  return {
    type: 'error',
    error: {
      type: step.errorType ?? errorTypes[step.status ?? 500] ?? 'api_error',
      message: step.message ?? `Scripted error ${step.status ?? ''}`.trim(),
      ...(step.code ? { code: step.code } : {}),
    },
    request_id: 'req_1',
  };
}

function callCount(body: any): number {
  return body.messages.reduce(
    (sum: number, message: any) =>
      sum +
      (Array.isArray(message.content)
        ? message.content.filter((block: any) => block.type === 'tool_use').length
        : 0),
    0,
  );
}
