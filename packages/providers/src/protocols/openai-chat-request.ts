/** A neutral call as the body of `POST /chat/completions`. */
import type { AssistantMessage, ToolMessage } from '@nightshift/contracts';
import type OpenAI from 'openai';
import { matches } from '../model-prefixes.ts';
import { closedSchema, isStrictSchema, systemWithSchema } from '../output-schema.ts';
import { cacheKeyOf } from '../prompt-cache.ts';
import type { Endpoint, ModelCall } from '../provider.ts';
import { thinkingOf } from '../thinking.ts';
import type { ToolNames } from '../tool-names.ts';
import { transcode } from '../transcode.ts';
import { audioFormat, dataUrl, type UserPart } from '../transcode-attachments.ts';

/** With the parameters that OpenAI itself does not have. */
type Body = OpenAI.ChatCompletionCreateParamsStreaming & {
  reasoning?: { effort: string };
  thinking?: { type: 'enabled' | 'disabled' };
  enable_thinking?: boolean;
  usage?: { include: true };
};
type Message = OpenAI.ChatCompletionMessageParam;

/** Google's documented stand-in for a signature that another model's history does not have. */
const NO_SIGNATURE = 'skip_thought_signature_validator';

export function openAiChatBody(call: ModelCall, endpoint: Endpoint): { body: Body; names: ToolNames } {
  const { messages, names } = transcode(call, endpoint);
  const { compat } = endpoint;
  const body: Body = { model: call.model, messages: [], stream: true };

  const inPrompt = call.output !== undefined && compat.schemaInPrompt === true;
  const system = inPrompt ? systemWithSchema(call) : call.system;
  // Not `developer`, which only OpenAI knows; it reads `system` as that where it must.
  if (system) body.messages.push({ role: 'system', content: system.toWellFormed() });
  for (const message of messages) {
    if (message.role === 'user') addUser(body.messages, message.content.map(contentPart));
    else if (message.role === 'assistant') body.messages.push(assistantMessage(message, endpoint));
    else addToolResults(body.messages, message);
  }
  if (!compat.noStreamUsage) body.stream_options = { include_usage: true };
  if (compat.asksForCost) body.usage = { include: true };
  if (call.maxOutputTokens !== undefined) {
    body[compat.maxTokensField ?? 'max_completion_tokens'] = call.maxOutputTokens;
  }
  addThinking(body, call, endpoint);
  addTools(body, call, endpoint, names);
  if (call.output) body.response_format = inPrompt ? { type: 'json_object' } : responseFormat(call.output);
  if (call.cacheKey !== undefined && compat.promptCacheKey) body.prompt_cache_key = cacheKeyOf(call.cacheKey);
  return { body, names };
}

function addThinking(body: Body, call: ModelCall, { compat }: Endpoint): void {
  const thinking = thinkingOf(call, compat);
  if (thinking === null) return;
  const effort = thinking === 'off' ? 'none' : thinking;
  switch (compat.thinkingField ?? 'reasoning_effort') {
    case 'reasoning_effort':
      body.reasoning_effort = effort;
      break;
    case 'reasoning':
      body.reasoning = { effort };
      break;
    case 'thinking':
      body.thinking = { type: thinking === 'off' ? 'disabled' : 'enabled' };
      break;
    case 'enable_thinking':
      body.enable_thinking = thinking !== 'off';
      break;
  }
}

function addTools(body: Body, call: ModelCall, { compat }: Endpoint, names: ToolNames): void {
  if (!call.tools || call.tools.length === 0) return;
  body.tools = call.tools.map((tool) => ({
    type: 'function',
    function: { name: names.encode(tool.name), description: tool.description, parameters: tool.parameters },
  }));
  if (call.toolChoice) {
    const refused = call.toolChoice === 'required' && compat.noRequiredToolChoice;
    body.tool_choice = refused ? 'auto' : call.toolChoice;
  }
  if (call.parallelToolCalls === false && !compat.noParallelToolCalls) body.parallel_tool_calls = false;
  if (matches(compat.noReasoningWithTools, call.model)) body.reasoning_effort = 'none';
}

function responseFormat({ name, schema }: NonNullable<ModelCall['output']>): OpenAI.ResponseFormatJSONSchema {
  const closed = closedSchema(schema);
  return { type: 'json_schema', json_schema: { name, schema: closed, strict: isStrictSchema(closed) } };
}

/** Plain text as a string: many compatible servers take no parts. Roles alternate: several insist on it. */
function addUser(messages: Message[], parts: OpenAI.ChatCompletionContentPart[]): void {
  const last = messages.at(-1);
  if (last?.role === 'user') {
    messages.pop();
    parts = [...(typeof last.content === 'string' ? [textPart(last.content)] : last.content), ...parts];
  }
  const content = parts.every((part) => part.type === 'text')
    ? parts.map((part) => part.text).join('\n\n')
    : parts;
  messages.push({ role: 'user', content });
}

const textPart = (text: string) => ({ type: 'text' as const, text });

/** https://platform.openai.com/docs/api-reference/chat/create */
function contentPart(part: UserPart): OpenAI.ChatCompletionContentPart {
  switch (part.type) {
    case 'text':
      return textPart(part.text);
    case 'image':
      return { type: 'image_url', image_url: { url: dataUrl(part) } };
    case 'file':
      return { type: 'file', file: { filename: part.name, file_data: dataUrl(part) } };
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: audioFormat(part.mediaType) } };
  }
}

function assistantMessage(message: AssistantMessage, endpoint: Endpoint): Message {
  const { reasoningField, thoughtSignatures } = endpoint.compat;
  const text: string[] = [];
  const thinking: string[] = [];
  const calls: OpenAI.ChatCompletionMessageFunctionToolCall[] = [];
  let signature: string | undefined;
  for (const part of message.content) {
    if (part.type === 'text') text.push(part.text);
    else if (part.type === 'thinking') {
      if (part.text !== '') thinking.push(part.text);
      signature = part.signature;
    } else {
      const call: (typeof calls)[number] & { extra_content?: unknown } = {
        id: part.id,
        type: 'function',
        function: { name: part.name, arguments: JSON.stringify(part.arguments) },
      };
      // Only the first of parallel calls is signed, and it must be.
      const signed = signature ?? (calls.length === 0 ? NO_SIGNATURE : undefined);
      if (thoughtSignatures && signed) call.extra_content = { google: { thought_signature: signed } };
      signature = undefined;
      calls.push(call);
    }
  }
  const wire: OpenAI.ChatCompletionAssistantMessageParam & Record<string, unknown> = {
    role: 'assistant',
    content: text.length > 0 ? text.join('\n\n') : null,
  };
  if (calls.length > 0) wire.tool_calls = calls;
  // DeepSeek answers 400 to a tool call without the field, also when another model made the call: then it is empty.
  // https://api-docs.deepseek.com/guides/thinking_mode
  if (reasoningField && (thinking.length > 0 || calls.length > 0)) wire[reasoningField] = thinking.join('');
  return wire;
}

/** This wire's tool results are text; their images and files follow in a user message. */
function addToolResults(messages: Message[], message: ToolMessage): void {
  const attached: OpenAI.ChatCompletionContentPart[] = [];
  for (const result of message.content) {
    const text: string[] = [];
    for (const part of result.content) {
      if (part.type === 'text') text.push(part.text);
      else {
        text.push(part.type === 'image' ? '[The image follows.]' : `[The file ${part.name} follows.]`);
        attached.push(contentPart(part));
      }
    }
    const prefix = result.isError ? 'Error: ' : '';
    messages.push({ role: 'tool', tool_call_id: result.callId, content: prefix + text.join('\n\n') });
  }
  if (attached.length > 0) addUser(messages, [textPart('From the tool results:'), ...attached]);
}
