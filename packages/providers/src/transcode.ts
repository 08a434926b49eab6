/**
 * Makes one neutral history fit the model it goes to next, whoever wrote it so far. Pure: the same history and
 * target give the same result, so a vendor's prompt cache holds and a retry sends the same bytes.
 */
import { createHash } from 'node:crypto';
import type {
  AssistantMessage,
  FilePart,
  ImagePart,
  ModelMessage,
  TextPart,
  ToolCallPart,
  ToolResultPart,
} from '@nightshift/contracts';
import { issuerOf } from './answer.ts';
import type { Endpoint, ModelCall } from './provider.ts';
import { createToolNames, type ToolNames } from './tool-names.ts';
import { attachmentFor, type UserPart } from './transcode-attachments.ts';

export interface Transcript {
  /** Ids and tool names in them are the wire's. */
  messages: ModelMessage[];
  names: ToolNames;
}

const lostResult = 'No result: the call was interrupted. Whether it took effect is unknown.';
const noOutput = '(no output)';

type Target = Pick<Endpoint, 'wire' | 'compat'> & { model: string };

export function transcode(
  call: Pick<ModelCall, 'model' | 'messages' | 'tools'>,
  endpoint: Pick<Endpoint, 'provider' | 'wire' | 'compat'>,
): Transcript {
  const names = createToolNames(toolNamesOf(call));
  const ids = createIds(endpoint.compat.toolCallIds);
  const issuer = issuerOf(endpoint, call.model);
  const target: Target = { wire: endpoint.wire, compat: endpoint.compat, model: call.model };

  const messages: ModelMessage[] = [];
  for (let at = 0; at < call.messages.length; at++) {
    const message = call.messages[at]!;
    if (message.role === 'user') {
      append(messages, { role: 'user', content: visible(message.content, target) });
    } else if (message.role === 'assistant') {
      const wireIds = new Map<string, string>();
      const content = message.content.flatMap((part): AssistantMessage['content'] => {
        if (part.type === 'thinking') return part.issuer === issuer ? [part] : [];
        if (part.type === 'text') return visible([part], target);
        // A second call under the same id in one message could not be told from the first one.
        if (wireIds.has(part.id)) return [];
        wireIds.set(part.id, ids.next(part.id));
        return [wireCall(part, wireIds.get(part.id)!, names)];
      });
      append(messages, { role: 'assistant', content });
      if (wireIds.size > 0) {
        const calls = message.content.filter((part) => part.type === 'toolCall' && wireIds.has(part.id));
        const results = resultsAfter(call.messages, at);
        append(messages, {
          role: 'tool',
          content: calls.map((part) =>
            wireResult(part as ToolCallPart, results.get((part as ToolCallPart).id), wireIds, names, target),
          ),
        });
      }
    }
    // Tool messages were taken in with the calls they answer; a result that answers none is dropped.
  }
  return { messages, names };
}

/** Adds a message, into the one before it when both are of one role: several wires insist that roles alternate. */
function append(messages: ModelMessage[], message: ModelMessage): void {
  // Thinking alone is no answer: no wire takes a message of nothing else.
  if (!message.content.some((part) => part.type !== 'thinking')) return;
  const last = messages.at(-1);
  if (last && last.role === message.role) (last.content as unknown[]).push(...message.content);
  else messages.push(message);
}

/** Text that says something, in well-formed Unicode (a lone surrogate makes vendors answer 400), and attachments. */
function visible<Part extends UserPart>(content: readonly Part[], target: Target): (Part | TextPart)[] {
  return content.flatMap((part): (Part | TextPart)[] => {
    if (part.type !== 'text') return [attachmentFor(part, target) as Part | TextPart];
    return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text.toWellFormed() }];
  });
}

function wireCall(part: ToolCallPart, id: string, names: ToolNames): ToolCallPart {
  return { type: 'toolCall', id, name: names.encode(part.name), arguments: wellFormed(part.arguments) };
}

/** A model may write half of a surrogate pair in its arguments' JSON, too. */
function wellFormed<Value>(value: Value): Value;
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]),
  );
}

function wireResult(
  call: ToolCallPart,
  result: ToolResultPart | undefined,
  wireIds: ReadonlyMap<string, string>,
  names: ToolNames,
  target: Target,
): ToolResultPart {
  const content = visible<TextPart | ImagePart | FilePart>(
    result?.content ?? [{ type: 'text', text: lostResult }],
    target,
  );
  return {
    type: 'toolResult',
    callId: wireIds.get(call.id)!,
    name: names.encode(call.name),
    content: content.length > 0 ? content : [{ type: 'text', text: noOutput }],
    isError: result?.isError ?? true,
  };
}

/**
 * The results that answer the assistant message at `at`: all up to the next assistant message, also past a user
 * message that came in between. The first result of a call counts.
 */
function resultsAfter(messages: readonly ModelMessage[], at: number): Map<string, ToolResultPart> {
  const results = new Map<string, ToolResultPart>();
  for (let i = at + 1; i < messages.length; i++) {
    const message = messages[i]!;
    if (message.role === 'assistant') break;
    if (message.role === 'tool') {
      for (const part of message.content) if (!results.has(part.callId)) results.set(part.callId, part);
    }
  }
  return results;
}

function* toolNamesOf(call: Pick<ModelCall, 'messages' | 'tools'>): Iterable<string> {
  for (const tool of call.tools ?? []) yield tool.name;
  for (const message of call.messages) {
    if (message.role !== 'assistant') continue;
    for (const part of message.content) if (part.type === 'toolCall') yield part.name;
  }
}

/**
 * Tool-call ids as the target allows them, each used once in a conversation: some vendors count from `call_0` in every
 * answer, and Anthropic refuses an id it has seen. An id that fits stays as it is.
 * Mistral: exactly 9 alphanumerics. OpenAI chat: at most 40 characters. Anthropic: `^[a-zA-Z0-9_-]+$`.
 */
function createIds(rule: 'alphanumeric9' | undefined) {
  const used = new Set<string>();
  const allowed = rule === 'alphanumeric9' ? /^[a-zA-Z0-9]{9}$/ : /^[a-zA-Z0-9_-]{1,40}$/;
  const digest = (text: string) => {
    const hash = createHash('sha256').update(text).digest();
    return rule === 'alphanumeric9'
      ? (hash.readBigUInt64BE() % 36n ** 9n).toString(36).padStart(9, '0')
      : `call_${hash.toString('hex', 0, 12)}`;
  };
  return {
    next(id: string): string {
      let wire = allowed.test(id) ? id : digest(id);
      for (let n = 2; used.has(wire); n++) wire = digest(`${id}\n${n}`);
      used.add(wire);
      return wire;
    },
  };
}
