// biome-ignore-all lint/suspicious/noExplicitAny: it reads bodies that may be anything
/** Responses as OpenAI answers them. https://platform.openai.com/docs/api-reference/responses-streaming */
import { openAiError } from './openai-chat.ts';
import { argumentsText, deltasOf, offeredName, type RecordedRequest, type Step, usageOf } from './script.ts';

const namePattern = /^[a-zA-Z0-9_-]{1,64}$/;

/** Why OpenAI would answer 400, or null. */
export function refuseResponses(body: any): string | null {
  if (typeof body?.model !== 'string' || body.model === '') return "Missing required parameter: 'model'.";
  if (!Array.isArray(body.input) || body.input.length === 0) return "Missing required parameter: 'input'.";
  if (body.max_output_tokens !== undefined && body.max_output_tokens < 16)
    return "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.";
  for (const foreign of [
    'messages',
    'max_tokens',
    'max_completion_tokens',
    'stream_options',
    'response_format',
  ]) {
    if (body[foreign] !== undefined) return `Unknown parameter: '${foreign}'.`;
  }
  // Ours: the vendor would keep the conversation.
  if (body.store !== false) return 'store must be false here: nothing is to be kept at the vendor';
  for (const tool of body.tools ?? []) {
    if (tool?.type !== 'function' || !namePattern.test(tool.name ?? ''))
      return `Invalid 'tools[].name': expected a string that matches '${namePattern.source}'.`;
    if (tool.parameters?.type !== 'object') return "Invalid schema for function: 'type' must be 'object'.";
    if (tool.strict !== false)
      return 'Invalid schema for function: additionalProperties is required in strict mode.';
  }
  if (body.tool_choice !== undefined && !body.tools?.length)
    return "'tool_choice' is only allowed with tools.";
  const { format } = body.text ?? {};
  if (format?.type === 'json_schema' && !namePattern.test(format.name ?? ''))
    return "Invalid 'text.format.name'.";
  return refuseItems(body.input);
}

function refuseItems(items: any[]): string | null {
  const open = new Set<string>();
  const seen = new Set<string>();
  for (const [at, item] of items.entries()) {
    const where = `input[${at}]`;
    switch (item.type ?? 'message') {
      case 'message': {
        const trouble = refuseMessage(item, where);
        if (trouble) return trouble;
        break;
      }
      case 'reasoning': {
        if (!Array.isArray(item.summary)) return `Missing required parameter: '${where}.summary'.`;
        if (!item.id?.startsWith('rs_') || !String(item.encrypted_content).startsWith('sig'))
          return `The encrypted content for item ${item.id} could not be verified.`;
        const next = items[at + 1];
        if (
          !next ||
          (next.role !== 'assistant' && next.type !== 'function_call' && next.type !== 'reasoning')
        )
          return `Item '${item.id}' of type 'reasoning' was provided without its required following item.`;
        break;
      }
      case 'function_call': {
        if (typeof item.call_id !== 'string' || item.call_id === '' || item.call_id.length > 64)
          return `Invalid '${where}.call_id'.`;
        if (seen.has(item.call_id)) return `Duplicate '${where}.call_id'.`;
        seen.add(item.call_id);
        // An item's id is another thing than a call's.
        if (item.id !== undefined && !item.id.startsWith('fc_'))
          return `Invalid '${where}.id': Expected an ID that begins with 'fc'.`;
        if (!namePattern.test(item.name ?? '')) return `Invalid '${where}.name'.`;
        if (typeof item.arguments !== 'string') return `Invalid '${where}.arguments'.`;
        open.add(item.call_id);
        break;
      }
      case 'function_call_output': {
        if (!open.delete(item.call_id))
          return `No tool call found for function call output with call_id ${item.call_id}.`;
        if (typeof item.output !== 'string') {
          const trouble = refuseParts(item.output, `${where}.output`);
          if (trouble) return trouble;
        }
        break;
      }
      default:
        return `Invalid value: '${item.type}' in '${where}.type'.`;
    }
  }
  return open.size > 0 ? `No tool output found for function call ${[...open]}.` : null;
}

function refuseMessage(item: any, where: string): string | null {
  if (!['user', 'assistant', 'system', 'developer'].includes(item.role)) return `Invalid '${where}.role'.`;
  if (typeof item.content === 'string') return item.content === '' ? `Invalid '${where}.content'.` : null;
  if (item.role === 'assistant') return `Invalid '${where}.content': text expected.`;
  return refuseParts(item.content, `${where}.content`);
}

function refuseParts(parts: any, where: string): string | null {
  if (!Array.isArray(parts) || parts.length === 0) return `Invalid '${where}': empty array.`;
  for (const part of parts) {
    const fine =
      (part.type === 'input_text' && typeof part.text === 'string') ||
      (part.type === 'input_image' &&
        /^data:image\/(png|jpeg|webp|gif);base64,/.test(part.image_url ?? '')) ||
      (part.type === 'input_file' &&
        part.filename &&
        /^data:application\/pdf;base64,/.test(part.file_data ?? ''));
    if (!fine) return `Invalid '${where}': unknown or broken part ${part.type}.`;
  }
  return null;
}

export function readResponses(body: any): { userText: string; toolResults: string[] } {
  const items: any[] = Array.isArray(body?.input) ? body.input : [];
  const textOf = (content: any): string =>
    typeof content === 'string' ? content : (content ?? []).map((part: any) => part.text ?? '').join('');
  const toolResults: string[] = [];
  for (let at = items.length - 1; items[at]?.type === 'function_call_output'; at--)
    toolResults.unshift(textOf(items[at].output));
  return { userText: textOf(items.findLast((item) => item.role === 'user')?.content), toolResults };
}

/** The stream's events, in order, each a complete frame. `first`: how many come up to the first content. */
export function responsesFrames(step: Step, request: RecordedRequest): { frames: string[]; first: number } {
  const frames: string[] = [];
  const event = (type: string, data: object) =>
    frames.push(
      `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: frames.length, ...data })}\n\n`,
    );
  const output = itemsOf(step, request);
  const response = { id: 'resp_1', object: 'response', model: step.answeredModel ?? request.body.model };

  event('response.created', { response: { ...response, status: 'in_progress', output: [] } });
  let first = 0;
  for (const [output_index, { item, deltas }] of output.entries()) {
    const at = { output_index, item_id: item.id };
    event('response.output_item.added', { output_index, item: { ...item, ...emptyOf(item) } });
    for (const delta of deltas) {
      event(deltaEvents[item.type]!, { ...at, content_index: 0, summary_index: 0, delta });
      first ||= frames.length;
    }
    if (item.type === 'function_call')
      event('response.function_call_arguments.done', { ...at, arguments: item.arguments });
    event('response.output_item.done', { output_index, item });
  }
  first ||= frames.length;
  if (step.fault === 'no-finish') return { frames, first };
  const usage = usageOf(step, JSON.stringify(request.body.input).length);
  const reason = step.finish;
  event(reason ? 'response.incomplete' : 'response.completed', {
    response: {
      ...response,
      status: reason ? 'incomplete' : 'completed',
      incomplete_details: reason ? { reason } : null,
      output: output.map(({ item }) => item),
      ...(step.rawUsage === undefined ? usage && { usage: responsesUsage(usage) } : { usage: step.rawUsage }),
    },
  });
  return { frames, first };
}

const deltaEvents: Record<string, string> = {
  reasoning: 'response.reasoning_summary_text.delta',
  message: 'response.output_text.delta',
  refusal: 'response.refusal.delta',
  function_call: 'response.function_call_arguments.delta',
};

const emptyOf = (item: any) =>
  item.type === 'message' ? { content: [] } : item.type === 'reasoning' ? { summary: [] } : { arguments: '' };

function itemsOf(step: Step, request: RecordedRequest): { item: any; deltas: readonly string[] }[] {
  const items: { item: any; deltas: readonly string[] }[] = [];
  if (step.thinking) {
    const item = {
      id: 'rs_1',
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: step.thinking }],
      ...(step.signature ? { encrypted_content: step.signature } : {}),
    };
    items.push({ item, deltas: [step.thinking] });
  }
  const text = [...deltasOf(step.text), ...(step.refusal ? [step.refusal] : [])];
  if (text.length > 0) {
    const content = [{ type: 'output_text', text: text.join(''), annotations: [] }];
    items.push({ item: { id: 'msg_1', type: 'message', role: 'assistant', content }, deltas: text });
  }
  const offered = (request.body.tools ?? []).map((tool: any) => tool.name);
  const before = request.body.input.filter((item: any) => item.type === 'function_call').length;
  for (const [index, call] of (step.toolCalls ?? []).entries()) {
    const json = argumentsText(call);
    const half = Math.ceil(json.length / 2);
    const item = {
      id: `fc_${index}`,
      type: 'function_call',
      ...(call.id === null ? {} : { call_id: call.id ?? `call_${before + index + 1}` }),
      name: offeredName(call.name, offered),
      arguments: json,
    };
    items.push({ item, deltas: [json.slice(0, half), json.slice(half)].filter((part) => part !== '') });
  }
  return items;
}

function responsesUsage(usage: NonNullable<ReturnType<typeof usageOf>>) {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: usage.input + usage.output,
  };
}

/** The answer to a request without `stream`. */
export function responsesWhole(step: Step, request: RecordedRequest): unknown {
  const usage = usageOf(step, JSON.stringify(request.body.input).length);
  return {
    id: 'resp_1',
    object: 'response',
    status: 'completed',
    model: request.body.model,
    output: itemsOf(step, request).map(({ item }) => item),
    ...(usage ? { usage: responsesUsage(usage) } : {}),
  };
}

/** An error in the middle of a stream. */
export function responsesErrorFrame(step: Step): string {
  const { error } = openAiError(step) as { error: { message: string; type: string; code: string | null } };
  const failed = { code: error.code ?? error.type, message: error.message };
  return `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', response: { status: 'failed', error: failed } })}\n\n`;
}
