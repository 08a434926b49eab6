/** Gathers a model's answer while it streams. Every protocol builds its message with it. */
import {
  type AssistantMessage,
  storableText,
  type ThinkingPart,
  type ToolCallPart,
} from '@nightshift/contracts';
import type { Endpoint, ModelEvent } from './provider.ts';

/** Who may be given a thinking part back: the same model of the same vendor over the same wire. */
export function issuerOf(endpoint: Pick<Endpoint, 'provider' | 'wire'>, model: string): string {
  return `${endpoint.provider}/${endpoint.wire}/${model}`;
}

interface OpenCall {
  part: ToolCallPart;
  /** The arguments' JSON as far as it came. */
  json: string;
}

/** Its methods take what came over the wire and return the event to pass on. */
export class Answer {
  readonly #issuer: string;
  readonly #content: AssistantMessage['content'] = [];
  readonly #open = new Map<string, OpenCall>();
  /** The last call that ended. */
  #ended: OpenCall | null = null;
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

  /** Begins a tool call. A vendor's id that is missing or repeats is replaced by one of our own. */
  toolStart(id: string | null | undefined, name: string): Extract<ModelEvent, { type: 'toolStart' }> {
    // Ids that are told apart by what cannot be stored would be one id later.
    const given = typeof id === 'string' ? storableText(id) : '';
    const unique =
      given && !this.#ids.has(given) ? given : `call_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`;
    this.#ids.add(unique);
    const part: ToolCallPart = { type: 'toolCall', id: unique, name, arguments: {} };
    this.#content.push(part);
    this.#open.set(unique, { part, json: '' });
    return { type: 'toolStart', id: unique, name };
  }

  toolDelta(id: string, delta: string): ModelEvent {
    const call = this.#open.get(id);
    if (call) call.json += delta;
    return { type: 'toolDelta', id, delta };
  }

  /** The call is complete: its arguments are parsed, or kept as `invalid`. */
  toolEnd(id: string): ModelEvent {
    const call = this.#open.get(id);
    if (call) {
      this.#open.delete(id);
      this.#ended = call;
      const parsed = parseArguments(call.json);
      if (parsed) call.part.arguments = parsed;
      else call.part.invalid = call.json;
    }
    return { type: 'toolEnd', id };
  }

  /**
   * The answer is complete: ends the calls that are still open. One that ended because the output cap was reached
   * (`cut`) may stop within its last call: then that call is left out, since half a call must never run.
   */
  *finish(cut: boolean): Iterable<ModelEvent> {
    for (const id of this.#open.keys()) yield this.toolEnd(id);
    const last = this.#content.at(-1);
    if (!cut || !last || last !== this.#ended?.part) return;
    // No arguments and arguments that were about to come look alike.
    if (last.invalid !== undefined || this.#ended.json.trim() === '') this.#content.pop();
  }

  get hasToolCalls(): boolean {
    return this.#content.some((part) => part.type === 'toolCall');
  }

  /** What has come so far, without tool calls that are not complete: half a call must never run. */
  message(): AssistantMessage {
    const half = new Set<unknown>([...this.#open.values()].map((call) => call.part));
    return { role: 'assistant', content: this.#content.filter((part) => !half.has(part)) };
  }
}

/** No arguments at all is how several vendors say `{}`. */
function parseArguments(json: string): Record<string, unknown> | null {
  if (json.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
