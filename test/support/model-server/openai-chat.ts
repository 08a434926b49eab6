// biome-ignore-all lint/suspicious/noExplicitAny: it reads bodies that may be anything
/** Chat completions as OpenAI answers them. https://platform.openai.com/docs/api-reference/chat */
import { argumentsText, deltasOf, offeredName, type RecordedRequest, type Step, usageOf } from './script.ts';

const namePattern = /^[a-zA-Z0-9_-]{1,64}$/;

/** Why OpenAI would answer 400, or null. */
export function refuseOpenAi(body: any): string | null {
  if (typeof body?.model !== 'string' || body.model === '') return 'you must provide a model parameter';
  if (!Array.isArray(body.messages) || body.messages.length === 0) return "Invalid 'messages': empty array.";
  if (body.max_tokens !== undefined && body.max_completion_tokens !== undefined) {
    return 'Setting max_tokens and max_completion_tokens at the same time is not supported.';
  }
  if (body.stream_options !== undefined && body.stream !== true) {
    return "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
  }
  for (const tool of body.tools ?? []) {
    if (tool?.type !== 'function' || !namePattern.test(tool.function?.name ?? '')) {
      return `Invalid 'tools[].function.name': expected a string that matches '${namePattern.source}'.`;
    }
    if (tool.function.parameters?.type !== 'object')
      return "Invalid schema for function: 'type' must be 'object'.";
  }
  for (const withTools of ['tool_choice', 'parallel_tool_calls']) {
    if (body[withTools] !== undefined && !body.tools)
      return `'${withTools}' is only allowed when 'tools' are specified.`;
  }
  const format = body.response_format;
  if (format?.type === 'json_schema' && !namePattern.test(format.json_schema?.name ?? ''))
    return "Invalid 'response_format.json_schema.name'.";
  if (format?.type === 'json_object' && !/json/i.test(JSON.stringify(body.messages)))
    return "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
  const names = (body.tools ?? []).map((tool: any) => tool.function.name);
  if (new Set(names).size !== names.length) return 'Tool names must be unique.';
  if (Array.isArray(body.tools) && body.tools.length === 0) return "Invalid 'tools': empty array.";
  return refuseMessages(body.messages);
}

function refuseMessages(messages: any[]): string | null {
  let unanswered = new Set<string>();
  for (const [at, message] of messages.entries()) {
    const where = `messages[${at}]`;
    if (message.role !== 'tool' && unanswered.size > 0) {
      return `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following did not have response messages: ${[...unanswered]}`;
    }
    switch (message.role) {
      case 'system':
      case 'developer':
      case 'user': {
        if (typeof message.content === 'string') break;
        if (!Array.isArray(message.content) || message.content.length === 0)
          return `Invalid '${where}.content'.`;
        for (const part of message.content) {
          const fine =
            (part.type === 'text' && typeof part.text === 'string') ||
            (part.type === 'image_url' &&
              /^data:image\/(png|jpeg|webp|gif);base64,/.test(part.image_url?.url ?? '')) ||
            (part.type === 'file' &&
              part.file?.filename &&
              /^data:application\/pdf;base64,/.test(part.file.file_data ?? '')) ||
            (part.type === 'input_audio' &&
              part.input_audio?.data &&
              ['wav', 'mp3'].includes(part.input_audio.format));
          if (!fine) return `Invalid '${where}.content': unknown or broken part ${part.type}.`;
        }
        break;
      }
      case 'assistant': {
        if (message.content != null && typeof message.content !== 'string')
          return `Invalid '${where}.content'.`;
        if (message.content == null && !message.tool_calls?.length) return `Invalid '${where}': no content.`;
        for (const call of message.tool_calls ?? []) {
          if (typeof call.id !== 'string' || call.id === '' || call.id.length > 40) {
            return `Invalid '${where}.tool_calls[].id': string of 1 to 40 characters expected.`;
          }
          if (call.type !== 'function' || !namePattern.test(call.function?.name ?? '')) {
            return `Invalid '${where}.tool_calls[].function.name'.`;
          }
          if (!isJsonObject(call.function.arguments))
            return `Invalid '${where}.tool_calls[].function.arguments'.`;
          unanswered.add(call.id);
        }
        break;
      }
      case 'tool': {
        if (typeof message.content !== 'string') return `Invalid '${where}.content'.`;
        if (!unanswered.delete(message.tool_call_id)) {
          return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
        }
        break;
      }
      default:
        return `Invalid value: '${message.role}' in '${where}.role'.`;
    }
  }
  const open = unanswered.size > 0;
  unanswered = new Set();
  return open ? "An assistant message with 'tool_calls' must be followed by tool messages." : null;
}

function isJsonObject(text: unknown): boolean {
  try {
    const value = JSON.parse(text as string);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

export function readOpenAi(body: any): { userText: string; toolResults: string[] } {
  const messages: any[] = Array.isArray(body?.messages) ? body.messages : [];
  const user = messages.findLast((message) => message.role === 'user');
  const toolResults: string[] = [];
  for (let at = messages.length - 1; messages[at]?.role === 'tool'; at--)
    toolResults.unshift(messages[at].content);
  const content = user?.content ?? '';
  return {
    userText: typeof content === 'string' ? content : content.map((part: any) => part.text ?? '').join(''),
    toolResults,
  };
}

/** The stream's events, in order, each a complete frame. `first`: how many come up to the first content. */
export function openAiFrames(step: Step, request: RecordedRequest): { frames: string[]; first: number } {
  const frames: string[] = [];
  const base = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":${JSON.stringify(step.answeredModel ?? request.body.model)},`;
  const choice = (delta: unknown, finish: string | null = null) =>
    frames.push(
      `data: ${base}"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}\n\n`,
    );

  choice({ role: 'assistant', content: '' });
  if (step.thinking) choice({ reasoning_content: step.thinking });
  for (const delta of deltasOf(step.text)) choice({ content: delta });
  if (step.refusal) choice({ refusal: step.refusal });
  const offered = (request.body.tools ?? []).map((tool: any) => tool.function.name);
  for (const [index, call] of (step.toolCalls ?? []).entries()) {
    const id = call.id === undefined ? `call_${callCount(request.body) + index + 1}` : call.id;
    const text = argumentsText(call);
    const half = Math.ceil(text.length / 2);
    const named = { name: offeredName(call.name, offered), arguments: '' };
    choice({ tool_calls: [{ index, ...(id === null ? {} : { id }), type: 'function', function: named }] });
    for (const part of [text.slice(0, half), text.slice(half)]) {
      if (part) choice({ tool_calls: [{ index, function: { arguments: part } }] });
    }
  }
  const first = Math.min(2, frames.length);
  if (step.fault === 'no-finish') return { frames, first };
  choice({}, step.finish ?? (step.toolCalls?.length ? 'tool_calls' : 'stop'));
  const counted = request.body.stream_options?.include_usage
    ? usageOf(step, JSON.stringify(request.body.messages).length)
    : null;
  const usage = step.rawUsage === undefined ? counted && openAiUsage(counted) : step.rawUsage;
  if (usage !== null) frames.push(`data: ${base}"choices":[],"usage":${JSON.stringify(usage)}}\n\n`);
  frames.push('data: [DONE]\n\n');
  return { frames, first };
}

function openAiUsage(usage: NonNullable<ReturnType<typeof usageOf>>) {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
  };
}

/** The answer to a request without `stream`. */
export function openAiWhole(step: Step, request: RecordedRequest): unknown {
  const usage = usageOf(step, JSON.stringify(request.body.messages).length);
  const offered = (request.body.tools ?? []).map((tool: any) => tool.function.name);
  const text = deltasOf(step.text).join('');
  const toolCalls = step.toolCalls?.map((call, index) => ({
    id: call.id ?? `call_${callCount(request.body) + index + 1}`,
    type: 'function',
    function: { name: offeredName(call.name, offered), arguments: argumentsText(call) },
  }));
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1700000000,
    model: request.body.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, ...(toolCalls ? { tool_calls: toolCalls } : {}) },
        finish_reason: step.finish ?? (toolCalls ? 'tool_calls' : 'stop'),
      },
    ],
    ...(step.rawUsage === undefined
      ? usage
        ? { usage: openAiUsage(usage) }
        : {}
      : { usage: step.rawUsage }),
  };
}

export function openAiError(step: Step): unknown {
  return {
    error: {
      message: step.message ?? `Scripted error ${step.status ?? ''}`.trim(),
      type: step.errorType ?? 'server_error',
      param: null,
      code: step.code ?? null,
    },
  };
}

function callCount(body: any): number {
  return body.messages.reduce((sum: number, message: any) => sum + (message.tool_calls?.length ?? 0), 0);
}
