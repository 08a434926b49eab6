/** A neutral call as the body of `POST /responses`. */
import type { AssistantMessage, ThinkingPart, ToolMessage } from '@nightshift/contracts';
import type OpenAI from 'openai';
import { matches } from '../model-prefixes.ts';
import { closedSchema, isStrictSchema, systemWithSchema } from '../output-schema.ts';
import { cacheKeyOf } from '../prompt-cache.ts';
import type { Endpoint, ModelCall } from '../provider.ts';
import { thinkingOf } from '../thinking.ts';
import type { ToolNames } from '../tool-names.ts';
import { transcode } from '../transcode.ts';
import { dataUrl, type UserPart } from '../transcode-attachments.ts';

type Body = OpenAI.Responses.ResponseCreateParamsStreaming;
type Item = OpenAI.Responses.ResponseInputItem;

/**
 * Nothing is kept at the vendor: the whole conversation is sent each time, with the model's encrypted reasoning.
 * https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items
 */
export function openAiResponsesBody(call: ModelCall, endpoint: Endpoint): { body: Body; names: ToolNames } {
  const { messages, names } = transcode(call, endpoint);
  const { compat } = endpoint;
  const input: Item[] = [];
  const body: Body = { model: call.model, input, stream: true, store: false };

  const inPrompt = call.output !== undefined && compat.schemaInPrompt === true;
  const system = inPrompt ? systemWithSchema(call) : call.system;
  if (system) body.instructions = system.toWellFormed();
  for (const message of messages) {
    if (message.role === 'user') input.push({ role: 'user', content: message.content.map(contentPart) });
    else if (message.role === 'assistant') input.push(...assistantItems(message));
    else input.push(...toolOutputs(message));
  }
  // Less is refused.
  if (call.maxOutputTokens !== undefined) body.max_output_tokens = Math.max(16, call.maxOutputTokens);
  // Models that do not think refuse to be asked for their reasoning.
  if (!matches(compat.noThinking, call.model)) body.include = ['reasoning.encrypted_content'];
  const thinking = thinkingOf(call, compat);
  if (thinking !== null) {
    body.reasoning = thinking === 'off' ? { effort: 'none' } : { effort: thinking, summary: 'auto' };
  }
  addTools(body, call, endpoint, names);
  if (call.output && !inPrompt) {
    const schema = closedSchema(call.output.schema);
    const strict = isStrictSchema(schema);
    body.text = { format: { type: 'json_schema', name: call.output.name, schema, strict } };
  }
  if (call.cacheKey !== undefined && compat.promptCacheKey) body.prompt_cache_key = cacheKeyOf(call.cacheKey);
  return { body, names };
}

function addTools(body: Body, call: ModelCall, { compat }: Endpoint, names: ToolNames): void {
  if (!call.tools || call.tools.length === 0) return;
  body.tools = call.tools.map((tool) => ({
    type: 'function',
    name: names.encode(tool.name),
    description: tool.description,
    parameters: tool.parameters,
    // Null means true here, which takes only some schemas.
    strict: false,
  }));
  if (call.toolChoice) {
    const refused = call.toolChoice === 'required' && compat.noRequiredToolChoice;
    body.tool_choice = refused ? 'auto' : call.toolChoice;
  }
  if (call.parallelToolCalls === false && !compat.noParallelToolCalls) body.parallel_tool_calls = false;
}

function contentPart(part: UserPart) {
  switch (part.type) {
    case 'text':
      return { type: 'input_text' as const, text: part.text };
    case 'image':
      return { type: 'input_image' as const, detail: 'auto' as const, image_url: dataUrl(part) };
    case 'file':
      return { type: 'input_file' as const, filename: part.name, file_data: dataUrl(part) };
    case 'audio':
      throw new Error('transcode() replaces audio on this wire');
  }
}

/** A reasoning item that nothing of its answer follows (the stream was cut there) is refused: it is left out. */
function assistantItems(message: AssistantMessage): Item[] {
  const said = message.content.findLastIndex((part) => part.type !== 'thinking');
  return message.content.slice(0, said + 1).flatMap((part): Item[] => {
    if (part.type === 'text') return [{ role: 'assistant', content: part.text }];
    if (part.type === 'thinking') return reasoningItem(part);
    const { id, name } = part;
    return [{ type: 'function_call', call_id: id, name, arguments: JSON.stringify(part.arguments) }];
  });
}

function reasoningItem({ text, signature }: ThinkingPart): Item[] {
  const state = signature === undefined ? null : parseReasoningState(signature);
  if (!state) return [];
  const summary = text === '' ? [] : [{ type: 'summary_text' as const, text }];
  return [{ type: 'reasoning', ...state, summary }];
}

/** What must go back with a reasoning item, as the signature of its thinking. */
interface ReasoningState {
  id: string;
  encrypted_content: string;
}

/** Undefined where the vendor gave nothing that can be sent back. */
export function reasoningSignature(item: { id?: unknown; encrypted_content?: unknown }): string | undefined {
  const { id, encrypted_content } = item;
  if (typeof id !== 'string' || typeof encrypted_content !== 'string' || encrypted_content === '')
    return undefined;
  return JSON.stringify({ id, encrypted_content } satisfies ReasoningState);
}

/** Null for a signature that is not of this form. */
function parseReasoningState(signature: string): ReasoningState | null {
  try {
    const { id, encrypted_content } = JSON.parse(signature) as ReasoningState;
    return { id, encrypted_content };
  } catch {
    return null;
  }
}

function toolOutputs(message: ToolMessage): Item[] {
  return message.content.map((result): Item => {
    const parts = result.isError
      ? [{ type: 'text' as const, text: 'Error:' }, ...result.content]
      : result.content;
    const output = parts.every((part) => part.type === 'text')
      ? parts.map((part) => part.text).join(result.isError ? ' ' : '\n\n')
      : parts.map(contentPart);
    return { type: 'function_call_output', call_id: result.callId, output };
  });
}
