/** A neutral call as the body of `POST /chat/completions`. */
import type { AssistantMessage, ImagePart, TextPart, ToolMessage } from '@nightshift/contracts';
import type OpenAI from 'openai';
import type { Endpoint, ModelCall } from '../provider.ts';
import type { ToolNames } from '../tool-names.ts';
import { transcode } from '../transcode.ts';

type Body = OpenAI.ChatCompletionCreateParamsStreaming;
type Message = OpenAI.ChatCompletionMessageParam;

/** Google's documented stand-in for a signature that another model's history does not have. */
const NO_SIGNATURE = 'skip_thought_signature_validator';

export function openAiChatBody(call: ModelCall, endpoint: Endpoint): { body: Body; names: ToolNames } {
  const { messages, names } = transcode(call, endpoint);
  const { compat } = endpoint;
  const body: Body = { model: call.model, messages: [], stream: true };

  if (call.system) body.messages.push({ role: 'system', content: call.system.toWellFormed() });
  for (const message of messages) {
    if (message.role === 'user') body.messages.push({ role: 'user', content: userContent(message.content) });
    else if (message.role === 'assistant') body.messages.push(assistantMessage(message, endpoint));
    else body.messages.push(...toolMessages(message));
  }
  if (!compat.noStreamUsage) body.stream_options = { include_usage: true };
  if (call.maxOutputTokens !== undefined) {
    body[compat.maxTokensField ?? 'max_completion_tokens'] = call.maxOutputTokens;
  }
  if (call.tools && call.tools.length > 0) {
    body.tools = call.tools.map((tool) => ({
      type: 'function',
      function: { name: names.encode(tool.name), description: tool.description, parameters: tool.parameters },
    }));
    if (compat.noReasoningWithTools?.some((prefix) => call.model.startsWith(prefix))) {
      body.reasoning_effort = 'none';
    }
  }
  return { body, names };
}

/** Plain text as a string: many compatible servers take no parts. */
function userContent(
  content: readonly (TextPart | ImagePart)[],
): string | OpenAI.ChatCompletionContentPart[] {
  if (content.every((part) => part.type === 'text')) return content.map((part) => part.text).join('\n\n');
  return content.map((part) =>
    part.type === 'text'
      ? { type: 'text', text: part.text }
      : { type: 'image_url', image_url: { url: `data:${part.mediaType};base64,${part.data}` } },
  );
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

/** This wire's tool results are text; their images follow in a user message. */
function toolMessages(message: ToolMessage): Message[] {
  const images: OpenAI.ChatCompletionContentPart[] = [];
  const results = message.content.map((result): Message => {
    const text: string[] = [];
    for (const part of result.content) {
      if (part.type === 'text') text.push(part.text);
      else {
        text.push('[The image follows.]');
        images.push({ type: 'image_url', image_url: { url: `data:${part.mediaType};base64,${part.data}` } });
      }
    }
    const prefix = result.isError ? 'Error: ' : '';
    return { role: 'tool', tool_call_id: result.callId, content: prefix + text.join('\n\n') };
  });
  if (images.length === 0) return results;
  return [
    ...results,
    { role: 'user', content: [{ type: 'text', text: 'From the tool results:' }, ...images] },
  ];
}
