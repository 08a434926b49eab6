/** Gathers a model's answer while it streams. Every protocol builds its message with it. */
import {
  type AssistantMessage,
  storableText,
  type ThinkingPart,
  type ToolCallPart,
} from '@nightshift/contracts';
import type { Endpoint, ModelEvent } from './provider.ts';
import { parseArguments } from './tool-arguments.ts';

/** Who may be given a thinking part back: the same model of the same vendor over the same wire. */
export function issuerOf(endpoint: Pick<Endpoint, 'provider' | 'wire'>, model: string): string {
  return `${endpoint.provider}/${endpoint.wire}/${model}`;
}

interface Call {
  part: ToolCallPart;
  /** The arguments' JSON as far as it came. */
  json: string;
  /** `toolEnd` was said of it. */
  isClosed: boolean;
  /** The wire says that nothing of it is missing. */
  isWhole: boolean;
}

/** Longest id of a tool call that is kept, in UTF-16 code units. */
const MAX_ID = 200;

/** Its methods take what came over the wire and return the event to pass on. */
export class Answer {
  readonly #issuer: string;
  #content: AssistantMessage['content'] = [];
  #isFinished = false;
  readonly #calls = new Map<string, Call>();
  readonly #ids = new Set<string>();

  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  text(delta: string): ModelEvent {
    const last = this.#content.at(-1);
    if (last?.type === 'text') last.text += delta;
    else this.#content.push({ type: 'text', text: delta });
    return { type: 'text', delta };
  }

  thinking(delta: string): ModelEvent {
    const last = this.#content.at(-1);
    if (last?.type === 'thinking' && last.signature === undefined) last.text += delta;
    else this.#content.push({ type: 'thinking', text: delta, issuer: this.#issuer });
    return { type: 'thinking', delta };
  }

  /** What seemed to be thinking is the answer. */
  *thinkingIsText(): Iterable<ModelEvent> {
    for (const [at, part] of this.#content.entries()) {
      if (part.type !== 'thinking' || part.signature !== undefined || part.text === '') continue;
      this.#content[at] = { type: 'text', text: part.text };
      yield { type: 'text', delta: part.text };
    }
  }

  /**
   * What seemed to be the beginning of the answer's text is thinking, up to `end`; the answer starts at
   * `begin`.
   */
  splitText(find: (text: string) => { end: number; begin: number } | null): void {
    const at = this.#content.findIndex(({ type }) => type === 'text');
    const part = this.#content[at];
    const found = part?.type === 'text' ? find(part.text) : null;
    if (part?.type !== 'text' || !found) return;
    const thinking = part.text.slice(0, found.end).trim();
    const text = part.text.slice(found.begin).trimStart();
    this.#content.splice(
      at,
      1,
      ...(thinking === '' ? [] : [{ type: 'thinking' as const, text: thinking, issuer: this.#issuer }]),
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    );
  }

  /** Opaque provider state that belongs to the thinking before it, or stands for itself. */
  sign(signature: string, redacted = false): void {
    const last = this.#content.at(-1);
    if (!redacted && last?.type === 'thinking' && last.signature === undefined) {
      last.signature = signature;
      return;
    }
    const part: ThinkingPart = { type: 'thinking', text: '', signature, issuer: this.#issuer };
    if (redacted) part.redacted = true;
    this.#content.push(part);
  }

  /** Begins a tool call. A vendor's id that is missing, repeats or is very long is replaced by one of our own. */
  toolStart(id: string | null | undefined, name: string): Extract<ModelEvent, { type: 'toolStart' }> {
    // Ids that are told apart by what cannot be stored would be one id later.
    const given = typeof id === 'string' ? storableText(id) : '';
    const unique =
      given && given.length <= MAX_ID && !this.#ids.has(given)
        ? given
        : `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`;
    this.#ids.add(unique);
    const part: ToolCallPart = { type: 'toolCall', id: unique, name, arguments: {} };
    this.#content.push(part);
    this.#calls.set(unique, { part, json: '', isClosed: false, isWhole: false });
    return { type: 'toolStart', id: unique, name };
  }

  /** More of a call's arguments. When the call had ended, it was not whole: then there is no event. */
  *toolDelta(id: string, delta: string): Iterable<ModelEvent> {
    const call = this.#calls.get(id);
    if (!call || delta === '') return;
    call.json += delta;
    call.isWhole = false;
    if (!call.isClosed) yield { type: 'toolDelta', id, delta };
  }

  /** The wire gives all of a call's arguments: they count, whatever came of them before. */
  *toolArguments(id: string, json: string): Iterable<ModelEvent> {
    const call = this.#calls.get(id);
    if (!call || call.json === json) return;
    const isMore = json.startsWith(call.json);
    const delta = json.slice(call.json.length);
    call.json = json;
    if (isMore && !call.isClosed) yield { type: 'toolDelta', id, delta };
  }

  /** The name of a call is another than it seemed to be. */
  toolName(id: string, name: string): void {
    const call = this.#calls.get(id);
    if (call) call.part.name = name;
  }

  /** The wire says that the call is whole. */
  *toolEnd(id: string): Iterable<ModelEvent> {
    const call = this.#calls.get(id);
    if (!call) return;
    call.isWhole = true;
    yield* this.#close(id, call);
  }

  /** Arguments came that belong to no call: one that has none may be theirs. */
  argumentsLost(): void {
    for (const call of this.#calls.values()) if (call.json.trim() === '') call.isWhole = false;
  }

  *#close(id: string, call: Call): Iterable<ModelEvent> {
    if (call.isClosed) return;
    call.isClosed = true;
    yield { type: 'toolEnd', id };
  }

  /**
   * The answer is complete. A call whose arguments are no JSON object is kept as `invalid`, so that the model
   * is told. So is one that the wire did not end and that has no arguments: they may have been about to come.
   * Where the output cap was reached (`isCut`) such a call is left out instead, also when it is the last
   * thing of the answer and the wire did end it. A call that is not whole never runs.
   */
  *finish(isCut: boolean): Iterable<ModelEvent> {
    const last = this.#content.at(-1);
    const dropped = new Set<unknown>();
    for (const [id, call] of this.#calls) {
      yield* this.#close(id, call);
      const { part, json } = call;
      const isNone = json.trim() === '';
      const parsed = isNone && !call.isWhole ? null : parseArguments(json);
      const wasCutHere = isCut && (!call.isWhole || part === last) && (parsed === null || isNone);
      if (wasCutHere) dropped.add(part);
      else if (parsed) part.arguments = parsed;
      else part.invalid = json;
    }
    this.#content = this.#content.filter((part) => !dropped.has(part));
    this.#isFinished = true;
  }

  get hasToolCalls(): boolean {
    return this.#content.some((part) => part.type === 'toolCall');
  }

  /** What has come so far. Before `finish()` without tool calls: of an answer that failed none may run. */
  message(): AssistantMessage {
    const content = this.#isFinished
      ? this.#content
      : this.#content.filter(({ type }) => type !== 'toolCall');
    return { role: 'assistant', content };
  }
}
