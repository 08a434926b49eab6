/** The messages of a request, as a conversation is stored: what went before, and what is said now. */
import {
  type ChatCompletionBody,
  cutText,
  maxMessageLength,
  type ResponsesBody,
  type StoredPart,
  type ToolCallPart,
} from '@nightshift/contracts';
import { invalidField } from '@nightshift/core/errors';
import type { Earlier } from '@nightshift/core/inbox';
import { Attachments } from './attachments.ts';

export interface Said {
  earlier: Earlier[];
  content: StoredPart[];
  attachments: Attachments;
}

type Part = { type: string; text?: string | null | undefined } & Record<string, unknown>;
type Content = string | readonly Part[] | null | undefined;
type Fields = Record<string, unknown>;

const fieldsOf = (value: unknown, path: string): Fields => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalidField(path, 'must be an object');
};

const isEmpty = (content: readonly StoredPart[]) =>
  content.every((part) => part.type === 'text' && part.text.trim() === '');

/** Reads messages one by one. Their order is checked: a tool's result answers a call before it. */
class MessageReader {
  readonly messages: Earlier[] = [];
  readonly attachments = new Attachments();
  /** Id → name of the tools that were called. */
  readonly #calls = new Map<string, string>();
  /** Those that have no result yet. Vendors refuse a history in which one never gets it, or gets it twice. */
  readonly #open = new Set<string>();

  add(role: Earlier['role'], content: StoredPart[]): void {
    if (!isEmpty(content)) this.messages.push({ role, content });
  }

  /** @throws {DomainError} invalid_request */
  contentOf(content: Content, role: 'system' | 'user' | 'assistant', path: string): StoredPart[] {
    if (content === null || content === undefined) return [];
    if (typeof content === 'string') return [{ type: 'text', text: content }];
    const parts = content.map((part, index) => this.#partOf(part, role, `${path}.${index}`));
    const length = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
    if (length > maxMessageLength) throw invalidField(path, `has more than ${maxMessageLength} characters`);
    // As it was said: without a break between two texts.
    const joined: StoredPart[] = [];
    for (const part of parts) {
      const last = joined.at(-1);
      if (part.type === 'text' && last?.type === 'text') last.text += part.text;
      else joined.push(part);
    }
    return joined;
  }

  #partOf(part: Part, role: string, path: string): StoredPart {
    const only = (expected: string) => {
      if (role !== expected)
        throw invalidField(`${path}.type`, `"${part.type}" is only for messages of the role ${expected}`);
    };
    switch (part.type) {
      case 'text':
      case 'input_text':
      case 'output_text':
        return { type: 'text', text: part.text ?? '' };
      case 'refusal':
        only('assistant');
        return { type: 'text', text: typeof part.refusal === 'string' ? part.refusal : '' };
      case 'image_url':
        only('user');
        return this.attachments.addImage(
          fieldsOf(part.image_url, `${path}.image_url`).url,
          `${path}.image_url.url`,
        );
      case 'input_image':
        only('user');
        if (part.file_id) throw invalidField(`${path}.file_id`, 'is not supported; send image_url');
        return this.attachments.addImage(part.image_url, `${path}.image_url`);
      case 'file': {
        only('user');
        const file = fieldsOf(part.file, `${path}.file`);
        if (file.file_id) throw invalidField(`${path}.file.file_id`, 'is not supported; send file_data');
        return this.attachments.addFile(file.file_data, file.filename, `${path}.file.file_data`);
      }
      case 'input_file':
        only('user');
        for (const name of ['file_id', 'file_url'])
          if (part[name]) throw invalidField(`${path}.${name}`, 'is not supported; send file_data');
        return this.attachments.addFile(part.file_data, part.filename, `${path}.file_data`);
      case 'input_audio': {
        only('user');
        const { data, format } = fieldsOf(part.input_audio, `${path}.input_audio`);
        return this.attachments.addAudio(data, format, `${path}.input_audio`);
      }
      default:
        throw invalidField(
          `${path}.type`,
          `parts of type "${part.type}" are not supported; send text, image_url, file or input_audio`,
        );
    }
  }

  /** `written`: the arguments as the model wrote them. */
  addCall(id: unknown, name: unknown, written: unknown, path: string): ToolCallPart {
    if (typeof id !== 'string' || id === '' || id.length > 200)
      throw invalidField(path, 'the call needs an id of 1 to 200 characters');
    if (typeof name !== 'string' || !/^[a-zA-Z0-9_.-]{1,64}$/.test(name))
      throw invalidField(path, 'the call needs the name of a function');
    if (typeof written !== 'string' || written.length > maxMessageLength)
      throw invalidField(path, `arguments must be a text of at most ${maxMessageLength} characters`);
    if (this.#open.has(id)) throw invalidField(path, 'has the id of a call before it');
    this.#calls.set(id, name);
    this.#open.add(id);
    const call = { type: 'toolCall', id, name } as const;
    try {
      const parsed: unknown = JSON.parse(written || '{}');
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
        return { ...call, arguments: parsed as Record<string, unknown> };
    } catch {
      // Told as it was written.
    }
    return { ...call, arguments: {}, invalid: written };
  }

  addResult(id: unknown, output: Content, path: string): void {
    const name = typeof id === 'string' && this.#open.delete(id) ? this.#calls.get(id) : undefined;
    if (name === undefined)
      throw invalidField(path, 'answers no open tool call of an assistant message before it');
    const text = this.contentOf(output, 'system', path).map((part) =>
      part.type === 'text' ? part.text : '',
    );
    const content = [{ type: 'text' as const, text: text.join('') }];
    const result = { type: 'toolResult', callId: id as string, name, content, isError: false } as const;
    this.messages.push({ role: 'user', content: [result] });
  }

  /** Before somebody else speaks. @throws {DomainError} invalid_request: calls have no result */
  assertAnswered(path: string): void {
    const [id] = this.#open;
    if (id === undefined) return;
    throw invalidField(
      path,
      `the result of the tool call "${cutText(id, 100)}" must come before this message`,
    );
  }

  /** @throws {DomainError} invalid_request: nothing is said now */
  end(path: string): Said {
    const last = this.messages.at(-1);
    if (last?.role !== 'user' || last.content.some(({ type }) => type === 'toolResult'))
      throw invalidField(path, 'the last message must be of the role user, and say something');
    return {
      earlier: this.messages.slice(0, -1),
      content: [...last.content],
      attachments: this.attachments,
    };
  }
}

/** @throws {DomainError} invalid_request */
export function readChatMessages(messages: ChatCompletionBody['messages']): Said {
  const reader = new MessageReader();
  for (const [index, message] of messages.entries()) {
    const path = `messages.${index}`;
    const { role } = message;
    const content = message.content as Content;
    if (role === 'function')
      throw invalidField(`${path}.role`, 'function is not supported; send the results of tools as role tool');
    if (role === 'tool') {
      reader.addResult(message.tool_call_id, content, `${path}.tool_call_id`);
      continue;
    }
    for (const name of ['function_call', 'audio'])
      if (message[name]) throw invalidField(`${path}.${name}`, 'is not supported');
    const calls = message.tool_calls ?? [];
    if (calls.length > 0 && role !== 'assistant')
      throw invalidField(`${path}.tool_calls`, 'is only for messages of the role assistant');
    const as = role === 'developer' ? 'system' : role;
    reader.assertAnswered(path);
    const parts = reader.contentOf(content, as, `${path}.content`);
    const called = calls.map((call, at) => {
      const where = `${path}.tool_calls.${at}`;
      if (call.type !== 'function' && call.type !== undefined)
        throw invalidField(`${where}.type`, 'must be function');
      const called = fieldsOf(call.function, `${where}.function`);
      return reader.addCall(call.id, called.name, called.arguments, where);
    });
    if (index === messages.length - 1 && (as !== 'user' || isEmpty(parts)))
      throw invalidField('messages', 'the last message must be of the role user, and say something');
    reader.add(as, [...parts, ...called]);
  }
  return reader.end('messages');
}

/** @throws {DomainError} invalid_request */
export function readInput(
  { input, instructions }: Pick<ResponsesBody, 'input' | 'instructions'>,
  previous: ((attachments: Attachments) => readonly Earlier[]) | null,
  referenced: (itemId: string) => string | undefined,
): Said {
  const reader = new MessageReader();
  if (instructions) reader.add('system', [{ type: 'text', text: instructions }]);
  for (const { role, content } of previous?.(reader.attachments) ?? []) reader.add(role, [...content]);
  if (typeof input === 'string') {
    reader.add('user', input.trim() === '' ? [] : [{ type: 'text', text: input }]);
    if (input.trim() === '') throw invalidField('input', 'is empty');
    return reader.end('input');
  }
  for (const [index, item] of input.entries()) addItem(reader, item, `input.${index}`, referenced);
  if (input.length === 0) throw invalidField('input', 'is empty');
  return reader.end('input');
}

function addItem(
  reader: MessageReader,
  item: Fields,
  path: string,
  referenced: (itemId: string) => string | undefined,
): void {
  switch (item.type ?? 'message') {
    case 'message': {
      const role = item.role === 'developer' ? 'system' : item.role;
      if (role !== 'system' && role !== 'user' && role !== 'assistant')
        throw invalidField(`${path}.role`, 'must be user, assistant, system or developer');
      if (role === 'user') reader.assertAnswered(path);
      reader.add(
        role,
        reader.contentOf(checkContent(item.content, `${path}.content`), role, `${path}.content`),
      );
      return;
    }
    case 'function_call':
      reader.add('assistant', [reader.addCall(item.call_id, item.name, item.arguments, path)]);
      return;
    case 'function_call_output':
      reader.addResult(item.call_id, checkContent(item.output, `${path}.output`), `${path}.call_id`);
      return;
    case 'item_reference': {
      const text = referenced(String(item.id));
      if (text === undefined) throw invalidField(`${path}.id`, 'names no message of an earlier response');
      reader.add('assistant', [{ type: 'text', text }]);
      return;
    }
    // A model's own, which nobody else can read.
    case 'reasoning':
      return;
    default:
      throw invalidField(
        `${path}.type`,
        `items of type "${String(item.type).slice(0, 100)}" are not supported`,
      );
  }
}

function checkContent(content: unknown, path: string): Content {
  if (typeof content === 'string') {
    if (content.length <= maxMessageLength) return content;
    throw invalidField(path, `has more than ${maxMessageLength} characters`);
  }
  if (!Array.isArray(content) || content.length > 100)
    throw invalidField(path, 'must be a text, or a list of at most 100 parts');
  for (const [index, part] of content.entries()) {
    const { type, text } = fieldsOf(part, `${path}.${index}`);
    if (typeof type !== 'string') throw invalidField(`${path}.${index}.type`, 'must be a text');
    if (text !== undefined && text !== null && typeof text !== 'string')
      throw invalidField(`${path}.${index}.text`, 'must be a text');
  }
  return content as Part[];
}
