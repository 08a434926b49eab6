/** A neutral call as the body of `POST /v1/messages`. */
import type Anthropic from '@anthropic-ai/sdk';
import type { AssistantMessage, ImagePart, TextPart, ToolMessage } from '@nightshift/contracts';
import type { Endpoint, ModelCall } from '../provider.ts';
import type { ToolNames } from '../tool-names.ts';
import { transcode } from '../transcode.ts';

/** The wire wants a cap. This one fits every current model and is far above what a turn of an agent writes. */
const DEFAULT_MAX_TOKENS = 16_384;

/**
 * Cached for 5 minutes from last use. Marked are the end of the tools, of the system prompt and of the conversation,
 * so that each longer prefix is found again. https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
 */
const CACHE = { cache_control: { type: 'ephemeral' } } as const;

export function anthropicMessagesBody(
  call: ModelCall,
  endpoint: Endpoint,
): { body: Anthropic.MessageCreateParamsStreaming; names: ToolNames } {
  const { messages, names } = transcode(call, endpoint);
  const body: Anthropic.MessageCreateParamsStreaming = {
    model: call.model,
    max_tokens: call.maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    messages: [],
    stream: true,
  };
  if (call.system) body.system = [{ type: 'text', text: call.system.toWellFormed(), ...CACHE }];
  if (call.tools && call.tools.length > 0) {
    body.tools = call.tools.map((tool, at, { length }) => ({
      name: names.encode(tool.name),
      description: tool.description,
      input_schema: { type: 'object' as const, ...tool.parameters },
      ...(at === length - 1 ? CACHE : {}),
    }));
  }
  // A conversation must begin with the user; a history that was cut may begin with an answer.
  if (messages[0]?.role === 'assistant')
    body.messages.push({ role: 'user', content: '(earlier messages left out)' });
  for (const message of messages) {
    if (message.role === 'assistant') {
      const content = assistantContent(message);
      if (content.length > 0) body.messages.push({ role: 'assistant', content });
      continue;
    }
    const content = message.role === 'user' ? userContent(message.content) : toolResults(message);
    const last = body.messages.at(-1);
    // Tool results are the user's here, and one turn has one message.
    if (last?.role === 'user' && Array.isArray(last.content)) last.content.push(...content);
    else body.messages.push({ role: 'user', content });
  }
  markLast(body.messages);
  return { body, names };
}

function markLast(messages: Anthropic.MessageParam[]): void {
  const content = messages.at(-1)?.content;
  if (!Array.isArray(content)) return;
  const block = content.at(-1);
  if (block && block.type !== 'thinking' && block.type !== 'redacted_thinking') Object.assign(block, CACHE);
}

type UserBlock = Anthropic.TextBlockParam | Anthropic.ImageBlockParam;

function userContent(content: readonly (TextPart | ImagePart)[]): UserBlock[] {
  return content.map(
    (part): UserBlock =>
      part.type === 'text'
        ? { type: 'text', text: part.text }
        : {
            type: 'image',
            source: {
              type: 'base64',
              media_type: part.mediaType as Anthropic.Base64ImageSource['media_type'],
              data: part.data,
            },
          },
  );
}

function assistantContent(message: AssistantMessage): Anthropic.ContentBlockParam[] {
  return message.content.flatMap((part): Anthropic.ContentBlockParam[] => {
    if (part.type === 'text') return [{ type: 'text', text: part.text }];
    if (part.type === 'toolCall') {
      return [{ type: 'tool_use', id: part.id, name: part.name, input: part.arguments }];
    }
    // Unsigned thinking (its stream broke off) is refused.
    if (part.signature === undefined) return [];
    return part.redacted
      ? [{ type: 'redacted_thinking', data: part.signature }]
      : [{ type: 'thinking', thinking: part.text, signature: part.signature }];
  });
}

function toolResults(message: ToolMessage): Anthropic.ToolResultBlockParam[] {
  return message.content.map((result) => ({
    type: 'tool_result',
    tool_use_id: result.callId,
    content: userContent(result.content),
    ...(result.isError ? { is_error: true } : {}),
  }));
}
