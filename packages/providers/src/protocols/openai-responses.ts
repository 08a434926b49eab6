/**
 * OpenAI's responses wire, which xAI, Azure, OpenRouter and others speak too.
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { TokenUsage } from '@nightshift/contracts';
import { Answer, issuerOf } from '../answer.ts';
import { isErrorEvent, streamError, truncatedError } from '../errors.ts';
import { type Finish, isReason, readFinish } from '../finish-reasons.ts';
import type { Endpoint, ModelCall, ModelError, ModelEvent, Protocol } from '../provider.ts';
import { createTextReader } from '../think-tags.ts';
import type { ToolNames } from '../tool-names.ts';
import { usageOfOpenAi } from '../usage.ts';
import { endAnswer } from './end-answer.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';
import { createOpenAiClient } from './openai-client.ts';
import { openAiResponsesBody, reasoningSignature } from './openai-responses-request.ts';

export function createOpenAiResponses(): Protocol {
  return createHttpProtocol({
    createClient: createOpenAiClient,
    body: openAiResponsesBody,
    send: (client, body, signal) => client.responses.create(body, { signal }).asResponse(),
    createReader,
    isLast: ({ type }: WireEvent) => lastEvents.has(type ?? ''),
    wholeAnswer,
  });
}

const lastEvents: ReadonlySet<string> = new Set([
  'response.completed',
  'response.done',
  'response.incomplete',
  'response.cancelled',
]);

/** An event as far as it is read here. Any field may be missing. */
interface WireEvent {
  type?: string;
  output_index?: number;
  item_id?: string;
  item?: Item;
  delta?: string;
  arguments?: unknown;
  summary_index?: number;
  response?: WireResponse | null;
}
interface WireResponse {
  status?: string;
  error?: unknown;
  incomplete_details?: { reason?: string } | null;
  output?: Item[];
  usage?: unknown;
}
interface Item {
  type?: string;
  id?: string;
  call_id?: string;
  name?: string;
  status?: string;
  arguments?: unknown;
  content?: { text?: string; refusal?: string }[];
  summary?: { text?: string }[];
  encrypted_content?: string | null;
}

/** Turns the wire's events into ours and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames): Reader<WireEvent> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  const texts = createTextReader(answer, call, endpoint);
  let usage: TokenUsage | null = null;
  let last: WireResponse | null = null;
  /** Items of which something has come. */
  const begun = new BegunItems();
  let textBefore = false;
  /** Arguments came that belong to no call. */
  let areArgumentsLost = false;

  function* text(event: WireEvent, delta: string | undefined): Iterable<ModelEvent> {
    if (!delta) return;
    const item = begun.of(event);
    // Two messages in one answer are two paragraphs.
    if (!item.hasContent && textBefore) yield* texts.read('\n\n');
    item.hasContent = true;
    textBefore = true;
    yield* texts.read(delta);
  }

  function* thinking(event: WireEvent, delta: string | undefined): Iterable<ModelEvent> {
    if (!delta) return;
    begun.of(event).hasContent = true;
    textBefore = false;
    yield* texts.thinking(delta);
  }

  function* startCall(event: WireEvent): Iterable<ModelEvent> {
    const item = begun.of(event);
    const name = names.decode(event.item?.name ?? '');
    if (item.callId !== undefined) {
      if (name !== '') answer.toolName(item.callId, name);
      return;
    }
    yield* texts.flush();
    const start = answer.toolStart(event.item?.call_id, name);
    item.callId = start.id;
    textBefore = false;
    yield start;
  }

  function* callDelta(event: WireEvent): Iterable<ModelEvent> {
    const { callId } = begun.of(event);
    if (!event.delta) return;
    if (callId === undefined) areArgumentsLost = true;
    else yield* answer.toolDelta(callId, event.delta);
  }

  /** All arguments of a call: they count, unless the server leaves them out here. */
  function* callArguments(event: WireEvent, args: unknown): Iterable<ModelEvent> {
    const { callId } = begun.of(event);
    const json = typeof args === 'string' ? args : args ? JSON.stringify(args) : '';
    if (callId === undefined) areArgumentsLost ||= json !== '';
    else if (json !== '') yield* answer.toolArguments(callId, json);
  }

  /** An item is complete: what of it has not come in pieces is taken from it. */
  function* endItem(event: WireEvent): Iterable<ModelEvent> {
    const item = event.item!;
    if (item.type === 'function_call') {
      yield* startCall(event);
      yield* callArguments(event, item.arguments);
      const begunItem = begun.of(event);
      begunItem.hasEnded = true;
      // It was cut within it.
      if (item.status !== 'incomplete') yield* answer.toolEnd(begunItem.callId!);
      return;
    }
    const begunItem = begun.of(event);
    if (begunItem.hasEnded) return;
    begunItem.hasEnded = true;
    if (item.type === 'reasoning') {
      const parts = item.summary?.length ? item.summary : (item.content ?? []);
      if (!begunItem.hasContent) yield* thinking(event, parts.map((part) => part.text ?? '').join('\n\n'));
      const signature = reasoningSignature(item);
      if (signature) answer.sign(signature);
    } else if (item.type === 'message' && !begunItem.hasContent) {
      const parts = item.content ?? [];
      yield* text(event, parts.map((part) => part.text ?? part.refusal ?? '').join(''));
    }
  }

  return {
    get finished(): boolean {
      return last !== null;
    },

    *read(event: WireEvent): Iterable<ModelEvent> {
      switch (event.type) {
        case 'error':
        case 'response.error':
          throw streamError(event, endpoint);
        case 'response.failed':
          usage = usageOfOpenAi(event.response?.usage) ?? usage;
          throw streamError({ error: event.response?.error ?? 'it gives no reason' }, endpoint);
        case 'response.output_item.added':
          begun.add(event);
          if (event.item?.type === 'function_call') {
            yield* startCall(event);
            yield* callArguments(event, event.item.arguments);
          }
          break;
        case 'response.output_text.delta':
        case 'response.refusal.delta':
          yield* text(event, event.delta);
          break;
        case 'response.reasoning_summary_part.added':
          if (event.summary_index) yield* thinking(event, '\n\n');
          break;
        case 'response.reasoning_summary_text.delta':
        case 'response.reasoning_text.delta':
          yield* thinking(event, event.delta);
          break;
        case 'response.function_call_arguments.delta':
          yield* callDelta(event);
          break;
        case 'response.function_call_arguments.done':
          yield* callArguments(event, event.arguments);
          break;
        case 'response.output_item.done':
          yield* endItem(event);
          break;
        case 'response.completed':
        case 'response.done':
        case 'response.incomplete':
        case 'response.cancelled':
          last = event.response ?? {};
          usage = usageOfOpenAi(last.usage) ?? usage;
          yield* endCalls(last.output ?? []);
          break;
        default:
          // Not of this wire: a proxy's own error.
          if (event.type === undefined && isErrorEvent(event)) throw streamError(event, endpoint);
      }
    },

    *end(): Iterable<ModelEvent> {
      if (last === null) return yield this.failed(truncatedError());
      if (last.error) return yield this.failed(streamError({ error: last.error }, endpoint));
      if (areArgumentsLost) answer.argumentsLost();
      yield* endAnswer({ answer, text: texts, endpoint, usage, ...endOf(last) });
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };

  /**
   * The whole response has every item once more: calls that the stream has not ended, or left out, end with
   * it.
   */
  function* endCalls(output: readonly Item[]): Iterable<ModelEvent> {
    const events = output.flatMap((item, output_index) =>
      item?.type === 'function_call' ? { output_index, item } : [],
    );
    if (begun.endedCalls >= events.length) return;
    for (const event of events) if (!begun.find(event)?.hasEnded) yield* endItem(event);
  }
}

/** How a response that has ended says it. https://platform.openai.com/docs/api-reference/responses/object */
function endOf({ status, incomplete_details }: WireResponse): {
  finish: Finish | null;
  reason: unknown;
} {
  const reason = incomplete_details?.reason;
  if (isReason(reason)) {
    const finish = readFinish(reason);
    return { finish: finish === 'end' ? null : finish, reason };
  }
  if (status === 'incomplete') return { finish: 'length', reason: status };
  const isEnd = status === undefined || status === 'completed';
  return { finish: isEnd ? 'end' : readFinish(status), reason: status };
}

interface BegunItem {
  itemId: string | undefined;
  /** A tool call's, ours. */
  callId?: string;
  hasContent: boolean;
  hasEnded: boolean;
}

/**
 * The items of an answer, found by their id or by where they stand: servers leave out one of the two, give
 * every item the index 0, or another id with every event (https://github.com/openai/codex/issues/9635).
 */
class BegunItems {
  readonly #all: BegunItem[] = [];
  readonly #byId = new Map<string, BegunItem>();
  readonly #byIndex = new Map<number, BegunItem>();

  get endedCalls(): number {
    return this.#all.filter(({ callId, hasEnded }) => callId !== undefined && hasEnded).length;
  }

  find({ output_index, item_id, item }: WireEvent): BegunItem | undefined {
    const id = item_id ?? item?.id;
    const byId = id === undefined ? undefined : this.#byId.get(id);
    if (byId) return byId;
    const callId = item?.call_id;
    const byCall = callId ? this.#all.find((begun) => begun.callId === callId) : undefined;
    if (byCall) return byCall;
    if (output_index !== undefined) return this.#byIndex.get(output_index);
    return id === undefined ? this.#all.at(-1) : undefined;
  }

  /** The item that an event is about. */
  of(event: WireEvent): BegunItem {
    const found = this.find(event);
    // A whole item at the place of one that has ended, under an id that is not its own: another one.
    const isOther =
      found?.hasEnded &&
      event.item?.id !== undefined &&
      found.itemId !== undefined &&
      found.itemId !== event.item.id;
    return found && !isOther ? found : this.#begin(event);
  }

  /** An item begins, unless it had. */
  add(event: WireEvent): void {
    const id = event.item?.id;
    const found = this.find(event);
    const isSame =
      found && (id === undefined ? !found.hasEnded && event.output_index !== undefined : found.itemId === id);
    if (!isSame) this.#begin(event);
  }

  #begin({ output_index, item_id, item }: WireEvent): BegunItem {
    const itemId = item_id ?? item?.id;
    const begun = { itemId, hasContent: false, hasEnded: false };
    if (itemId !== undefined) this.#byId.set(itemId, begun);
    if (output_index !== undefined) this.#byIndex.set(output_index, begun);
    this.#all.push(begun);
    return begun;
  }
}

/** The items of the whole response are read like events. */
function wholeAnswer(body: unknown): WireEvent[] | null {
  const response = body as WireResponse | null;
  if (!response || response.error || !Array.isArray(response.output)) return null;
  const items = response.output.map((item, output_index) => ({
    type: 'response.output_item.done',
    output_index,
    item,
  }));
  return [...items, { type: 'response.completed', response }];
}
