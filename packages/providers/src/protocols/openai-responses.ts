/**
 * OpenAI's responses wire, which xAI, Azure, OpenRouter and others speak too.
 * https://platform.openai.com/docs/api-reference/responses-streaming
 */
import type { TokenUsage } from '@nightshift/contracts';
import { Answer, issuerOf } from '../answer.ts';
import { streamError, truncatedError } from '../errors.ts';
import { type Endpoint, type ModelCall, ModelError, type ModelEvent, type Protocol } from '../provider.ts';
import type { ToolNames } from '../tool-names.ts';
import { usageOfOpenAi } from '../usage.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';
import { createOpenAiClient } from './openai-client.ts';
import { openAiResponsesBody, reasoningSignature } from './openai-responses-request.ts';

export function createOpenAiResponses(): Protocol {
  return createHttpProtocol({
    createClient: createOpenAiClient,
    body: openAiResponsesBody,
    send: (client, body, signal) => client.responses.create(body, { signal }).asResponse(),
    createReader,
    isLast: ({ type }: WireEvent) => type === 'response.completed' || type === 'response.incomplete',
    wholeAnswer,
  });
}

/** An event as far as it is read here. Any field may be missing. */
interface WireEvent {
  type?: string;
  output_index?: number;
  item_id?: string;
  item?: Item;
  delta?: string;
  arguments?: string;
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
  arguments?: string;
  content?: { text?: string; refusal?: string }[];
  summary?: { text?: string }[];
  encrypted_content?: string | null;
}

/** Turns the wire's events into ours and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames): Reader<WireEvent> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  let usage: TokenUsage | null = null;
  let last: WireResponse | null = null;
  /** Items of which something has come, by where they stand: a tool call with our id, or another with none. */
  const begun = new Map<number | string | undefined, { callId?: string; hasContent: boolean }>();
  let textBefore = false;

  const keyOf = (event: WireEvent) => event.output_index ?? event.item_id ?? event.item?.id;
  const begin = (event: WireEvent) => {
    const key = keyOf(event);
    const item = begun.get(key) ?? { hasContent: false };
    begun.set(key, item);
    return item;
  };

  function* text(event: WireEvent, delta: string | undefined): Iterable<ModelEvent> {
    if (!delta) return;
    const item = begin(event);
    // Two messages in one answer are two paragraphs.
    if (!item.hasContent && textBefore) yield answer.text('\n\n');
    item.hasContent = true;
    textBefore = true;
    yield answer.text(delta);
  }

  function* thinking(event: WireEvent, delta: string | undefined): Iterable<ModelEvent> {
    if (!delta) return;
    begin(event).hasContent = true;
    textBefore = false;
    yield answer.thinking(delta);
  }

  function* startCall(event: WireEvent): Iterable<ModelEvent> {
    const item = begin(event);
    if (item.callId !== undefined) return;
    const start = answer.toolStart(event.item?.call_id, names.decode(event.item?.name ?? ''));
    item.callId = start.id;
    textBefore = false;
    yield start;
  }

  /** `whole`: all arguments, for servers that do not send them in pieces. */
  function* callArguments(event: WireEvent, json: string | undefined, whole = false): Iterable<ModelEvent> {
    const item = begin(event);
    if (item.callId === undefined || !json || (whole && item.hasContent)) return;
    item.hasContent = true;
    yield answer.toolDelta(item.callId, json);
  }

  /** An item is complete: what of it has not come in pieces is taken from it. */
  function* endItem(event: WireEvent): Iterable<ModelEvent> {
    const item = event.item!;
    if (item.type === 'function_call') {
      yield* startCall(event);
      yield* callArguments(event, item.arguments, true);
      yield answer.toolEnd(begin(event).callId!);
    } else if (item.type === 'reasoning') {
      const parts = item.summary?.length ? item.summary : (item.content ?? []);
      if (!begin(event).hasContent) yield* thinking(event, parts.map((part) => part.text ?? '').join('\n\n'));
      const signature = reasoningSignature(item);
      if (signature) answer.sign(signature);
    } else if (item.type === 'message' && !begin(event).hasContent) {
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
          throw streamError(event, endpoint);
        case 'response.failed':
          usage = usageOfOpenAi(event.response?.usage) ?? usage;
          throw streamError({ error: event.response?.error ?? 'it gives no reason' }, endpoint);
        case 'response.output_item.added':
          if (event.item?.type === 'function_call') yield* startCall(event);
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
          yield* callArguments(event, event.delta);
          break;
        case 'response.function_call_arguments.done':
          yield* callArguments(event, event.arguments, true);
          break;
        case 'response.output_item.done':
          yield* endItem(event);
          break;
        case 'response.completed':
        case 'response.incomplete':
          last = event.response ?? {};
          usage = usageOfOpenAi(last.usage) ?? usage;
          break;
      }
    },

    *end(): Iterable<ModelEvent> {
      const reason = last?.incomplete_details?.reason;
      if (last === null) {
        yield this.failed(truncatedError());
      } else if (reason === 'content_filter') {
        yield this.failed(new ModelError('content', "The vendor's content filter stopped the answer."));
      } else {
        const cut = Boolean(reason) || last.status === 'incomplete';
        yield* answer.finish(cut);
        const stop = cut ? 'length' : answer.hasToolCalls ? 'toolCalls' : 'end';
        yield { type: 'done', message: answer.message(), stop, usage };
      }
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };
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
