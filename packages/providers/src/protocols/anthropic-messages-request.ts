/** A neutral call as the body of `POST /v1/messages`. */
import type Anthropic from '@anthropic-ai/sdk';
import type { AssistantMessage, FilePart, ToolMessage } from '@nightshift/contracts';
import { matches } from '../model-prefixes.ts';
import { closedSchema, systemWithSchema } from '../output-schema.ts';
import type { Endpoint, ModelCall } from '../provider.ts';
import { thinkingOf } from '../thinking.ts';
import type { ToolNames } from '../tool-names.ts';
import { transcode } from '../transcode.ts';
import { textOfFile, type UserPart } from '../transcode-attachments.ts';

/** The wire wants a cap. This one fits every current model and is far above what a turn of an agent writes. */
const DEFAULT_MAX_TOKENS = 16_384;

type Body = Anthropic.MessageCreateParamsStreaming;

/**
 * Cached for 5 minutes from last use. Marked are the end of the tools, of the system prompt and of the last two
 * turns, so that each longer prefix is found again, also after many parallel tool results (the vendor looks back 20
 * blocks). https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
 */
const CACHE = { cache_control: { type: 'ephemeral' } } as const;

export function anthropicMessagesBody(call: ModelCall, endpoint: Endpoint): { body: Body; names: ToolNames } {
  const { messages, names } = transcode(call, endpoint);
  const inPrompt = call.output !== undefined && endpoint.compat.schemaInPrompt === true;
  const system = inPrompt ? systemWithSchema(call) : call.system;
  const body: Body = {
    model: call.model,
    max_tokens: call.maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    messages: [],
    stream: true,
  };
  if (system) body.system = [{ type: 'text', text: system.toWellFormed(), ...CACHE }];
  if (call.tools && call.tools.length > 0) {
    body.tools = call.tools.map((tool, at, { length }) => ({
      name: names.encode(tool.name),
      description: tool.description,
      input_schema: { type: 'object' as const, ...tool.parameters },
      ...(at === length - 1 ? CACHE : {}),
    }));
    const choice = toolChoice(call, endpoint);
    if (choice) body.tool_choice = choice;
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
    const content = message.role === 'user' ? message.content.map(userBlock) : toolResults(message);
    const last = body.messages.at(-1);
    // Tool results are the user's here, and one turn has one message.
    if (last?.role === 'user' && Array.isArray(last.content)) last.content.push(...content);
    else body.messages.push({ role: 'user', content });
  }
  // Newer models refuse to go on with an answer of their own (prefill); a history that ends so is asked to.
  if (body.messages.at(-1)?.role === 'assistant')
    body.messages.push({ role: 'user', content: [{ type: 'text', text: 'Go on.' }] });
  for (const message of body.messages.filter(({ role }) => role === 'user').slice(-2)) markEnd(message);
  if (call.output && !inPrompt) {
    body.output_config = { format: { type: 'json_schema', schema: closedSchema(call.output.schema) } };
  }
  addThinking(body, call, endpoint);
  return { body, names };
}

function toolChoice(call: ModelCall, { compat }: Endpoint): Anthropic.ToolChoice | undefined {
  if (call.toolChoice === 'none') return { type: 'none' };
  const one = call.parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  if (call.toolChoice === 'required' && !compat.noRequiredToolChoice) return { type: 'any', ...one };
  return call.toolChoice === 'auto' || call.parallelToolCalls === false
    ? { type: 'auto', ...one }
    : undefined;
}

const budgets = { low: 2048, medium: 8192, high: 16_384 };
const MIN_BUDGET = 1024;

/**
 * Adaptive thinking with an effort, or a budget of tokens for models up to Claude 4.5.
 * https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking ·
 * https://platform.claude.com/docs/en/build-with-claude/extended-thinking
 */
function addThinking(body: Body, call: ModelCall, { compat }: Endpoint): void {
  const thinking = thinkingOf(call, compat);
  if (thinking === null) return;
  // A model that is made to call a tool cannot think first.
  if (thinking === 'off' || body.tool_choice?.type === 'any') {
    if (!matches(compat.alwaysThinks, call.model)) body.thinking = { type: 'disabled' };
    return;
  }
  if (!matches(compat.budgetThinking, call.model)) {
    body.thinking = { type: 'adaptive', display: 'summarized' };
    body.output_config = { ...body.output_config, effort: thinking };
    return;
  }
  // The cap includes the thinking: one that was given stays, and leaves a quarter for the answer.
  if (call.maxOutputTokens === undefined) body.max_tokens += budgets[thinking];
  const budget = Math.min(budgets[thinking], Math.floor(body.max_tokens * 0.75));
  const allowed = budget >= MIN_BUDGET && !continuesWithoutThinking(body.messages);
  body.thinking = allowed ? { type: 'enabled', budget_tokens: budget } : { type: 'disabled' };
}

/** Within a turn that another model began with a tool call, there is no thinking to go on from: that is refused. */
function continuesWithoutThinking(messages: readonly Anthropic.MessageParam[]): boolean {
  const content = messages.at(-1)?.content;
  if (!Array.isArray(content) || !content.some(({ type }) => type === 'tool_result')) return false;
  const answer = messages.at(-2)?.content;
  const first = Array.isArray(answer) ? answer[0]?.type : undefined;
  return first !== 'thinking' && first !== 'redacted_thinking';
}

function markEnd({ content }: Anthropic.MessageParam): void {
  const block = Array.isArray(content) ? content.at(-1) : undefined;
  if (block && block.type !== 'thinking' && block.type !== 'redacted_thinking') Object.assign(block, CACHE);
}

type UserBlock = Anthropic.TextBlockParam | Anthropic.ImageBlockParam | Anthropic.DocumentBlockParam;

function userBlock(part: UserPart): UserBlock {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image': {
      const media_type = part.mediaType as Anthropic.Base64ImageSource['media_type'];
      return { type: 'image', source: { type: 'base64', media_type, data: part.data } };
    }
    case 'file':
      return { type: 'document', title: part.name, source: documentSource(part) };
    case 'audio':
      throw new Error('transcode() replaces audio on this wire');
  }
}

/** https://platform.claude.com/docs/en/build-with-claude/pdf-support: PDF, or plain text as it is. */
function documentSource(part: FilePart): Anthropic.DocumentBlockParam['source'] {
  return part.mediaType === 'application/pdf'
    ? { type: 'base64', media_type: 'application/pdf', data: part.data }
    : { type: 'text', media_type: 'text/plain', data: textOfFile(part.data).toWellFormed() };
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
    content: result.content.map(userBlock),
    ...(result.isError ? { is_error: true } : {}),
  }));
}
