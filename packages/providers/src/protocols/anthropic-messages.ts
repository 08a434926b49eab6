/**
 * The Anthropic messages wire. https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
import type Anthropic from '@anthropic-ai/sdk';
import { Answer, issuerOf } from '../answer.ts';
import { isErrorEvent, streamError, truncatedError } from '../errors.ts';
import { isReason, readFinish } from '../finish-reasons.ts';
import type { Endpoint, ModelCall, ModelError, ModelEvent, Protocol } from '../provider.ts';
import { createTextReader } from '../think-tags.ts';
import type { ToolNames } from '../tool-names.ts';
import { bearerOf, createFetch } from '../transport.ts';
import { type AnthropicCounts, toTokenUsage, usageOfAnthropic } from '../usage.ts';
import { anthropicMessagesBody } from './anthropic-messages-request.ts';
import { AnthropicBlocks, MAX_PAUSES } from './anthropic-pause.ts';
import { endAnswer } from './end-answer.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';

export function createAnthropicMessages(): Protocol {
  return createHttpProtocol({
    createClient,
    body: anthropicMessagesBody,
    send: (client, body, signal) => client.messages.create(body, { signal }).asResponse(),
    createReader,
    isLast: ({ type }: WireEvent) => type === 'message_stop',
    wholeAnswer,
  });
}

/** The version whose requests and answers this wire speaks. https://platform.claude.com/docs/en/api/versioning */
const API_VERSION = '2026-10-21';

/** Loads the SDK at first use: it costs 200 ms, and a process that calls no such model does not need it. */
async function createClient(endpoint: Endpoint): Promise<Anthropic> {
  const headers = {
    'anthropic-version': endpoint.compat.anthropicVersion ?? API_VERSION,
    ...keyHeaders(endpoint),
  };
  const { Anthropic } = await import('@anthropic-ai/sdk');
  return new Anthropic({
    // The SDK adds `/v1/messages`; many vendors document their base with the `/v1`.
    baseURL: endpoint.baseUrl.replace(/\/v1$/, ''),
    // The real key goes into our own headers; this one keeps the SDK from looking for credentials on this machine.
    apiKey: 'unused',
    webhookKey: null,
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    fetch: createFetch(headers),
  });
}

/** Anthropic takes the key as a bearer token; many that imitate it know `x-api-key` alone. */
function keyHeaders({ apiKey, compat }: Endpoint): Record<string, string> {
  if (apiKey === null) return {};
  const key = bearerOf(apiKey);
  return { authorization: `Bearer ${key}`, ...(compat.xApiKey ? { 'x-api-key': key } : {}) };
}

/** The SDK's types leave out the error that may come at any point of a stream. */
type WireEvent = Anthropic.RawMessageStreamEvent | { type: 'error' };

/** A tool call, while its input comes in. */
interface OpenCall {
  id: string;
  /** What its block began with. It counts when nothing else comes. */
  input: string;
  hasDeltas: boolean;
}

/** Turns the wire's events into ours and knows when the answer is complete. */
function createReader(
  call: ModelCall,
  endpoint: Endpoint,
  names: ToolNames,
  body: Anthropic.MessageCreateParamsStreaming,
): Reader<WireEvent, Anthropic.MessageCreateParamsStreaming> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  const text = createTextReader(answer, call, endpoint);
  const blocks = new AnthropicBlocks(body);
  /** Of the requests before this one. */
  let countedBefore: AnthropicCounts | null = null;
  let counts: AnthropicCounts | null = null;
  let pauses = 0;
  let stopReason: unknown;
  let finished = false;
  /** By block index, also after their block has ended. Null: another kind of block. */
  const calls = new Map<number, OpenCall | null>();
  /** Input came that belongs to no call. */
  let isInputLost = false;

  function* startBlock({
    index,
    content_block: block,
  }: Anthropic.RawContentBlockStartEvent): Iterable<ModelEvent> {
    calls.set(index, null);
    if (block.type === 'text') {
      if (block.text) yield* text.read(block.text);
    } else if (block.type === 'thinking') {
      if (block.thinking) yield* text.thinking(block.thinking);
      if (block.signature) answer.sign(block.signature);
    } else if (block.type === 'redacted_thinking') {
      answer.sign(block.data, true);
    } else if (block.type === 'tool_use') {
      yield* text.flush();
      const start = answer.toolStart(block.id, names.decode(block.name));
      // Some compatible servers send the whole input at once instead of deltas.
      calls.set(index, { id: start.id, input: inputText(block.input), hasDeltas: false });
      yield start;
    }
  }

  function* delta({ index, delta }: Anthropic.RawContentBlockDeltaEvent): Iterable<ModelEvent> {
    if (delta.type === 'text_delta') {
      if (delta.text) yield* text.read(delta.text);
    } else if (delta.type === 'thinking_delta') {
      if (delta.thinking) yield* text.thinking(delta.thinking);
    } else if (delta.type === 'signature_delta') {
      if (delta.signature) answer.sign(delta.signature);
    } else if (delta.type === 'input_json_delta' && delta.partial_json) {
      const open = calls.get(index);
      if (open === undefined) isInputLost = true;
      if (!open) return;
      open.hasDeltas = true;
      yield* answer.toolDelta(open.id, delta.partial_json);
    }
  }

  function* takeInput(open: OpenCall): Iterable<ModelEvent> {
    if (!open.hasDeltas && open.input !== '') yield* answer.toolArguments(open.id, open.input);
  }

  return {
    get finished(): boolean {
      return finished;
    },

    *read(event: WireEvent): Iterable<ModelEvent> {
      switch (event.type) {
        case 'error':
          throw streamError(event, endpoint);
        case 'message_start':
          counts = usageOfAnthropic(event.message?.usage, counts);
          break;
        case 'content_block_start':
          blocks.start(event);
          yield* startBlock(event);
          break;
        case 'content_block_delta':
          blocks.delta(event);
          yield* delta(event);
          break;
        case 'content_block_stop': {
          const open = calls.get(event.index);
          if (!open) break;
          yield* takeInput(open);
          yield* answer.toolEnd(open.id);
          break;
        }
        case 'message_delta':
          counts = usageOfAnthropic(event.usage, counts);
          if (isReason(event.delta?.stop_reason)) stopReason = event.delta.stop_reason;
          break;
        case 'message_stop':
          finished = true;
          break;
        default:
          // Not of this wire: a proxy's own error.
          if (isErrorEvent(event)) throw streamError(event, endpoint);
      }
    },

    goOn() {
      const isPaused = finished && stopReason !== undefined && readFinish(stopReason) === 'pause';
      // Calls of ours have to be answered first.
      if (!isPaused || answer.hasToolCalls || pauses === MAX_PAUSES) return null;
      pauses++;
      finished = false;
      stopReason = undefined;
      calls.clear();
      countedBefore = addCounts(countedBefore, counts);
      counts = null;
      return blocks.next();
    },

    *end(): Iterable<ModelEvent> {
      if (!finished) return yield this.failed(truncatedError());
      const finish = stopReason === undefined ? 'end' : readFinish(stopReason);
      yield* endAnswer({
        ...{ answer, text, endpoint, reason: stopReason },
        finish: finish === 'pause' && answer.hasToolCalls ? 'end' : finish,
        usage: toTokenUsage(addCounts(countedBefore, counts)),
        *endCalls() {
          for (const open of calls.values()) if (open) yield* takeInput(open);
          if (isInputLost) answer.argumentsLost();
        },
      });
    },

    failed(error: ModelError): ModelEvent {
      const usage = toTokenUsage(addCounts(countedBefore, counts));
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };
}

/** Empty: none was given, or the placeholder for what is to come. */
function inputText(input: unknown): string {
  if (typeof input === 'string') return input;
  if (typeof input !== 'object' || input === null || Object.keys(input).length === 0) return '';
  return JSON.stringify(input);
}

function addCounts(a: AnthropicCounts | null, b: AnthropicCounts | null): AnthropicCounts | null {
  if (!a || !b) return a ?? b;
  const keys = Object.keys(a) as (keyof AnthropicCounts)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as AnthropicCounts;
}

/** The blocks of the whole message are read like events. */
function wholeAnswer(body: unknown): WireEvent[] | null {
  const message = body as Anthropic.Message | null;
  if (!message || !Array.isArray(message.content)) return null;
  const { stop_reason, stop_sequence, usage } = message;
  const events = message.content.flatMap((content_block, index) => [
    { type: 'content_block_start', index, content_block },
    { type: 'content_block_stop', index },
  ]);
  return [
    { type: 'message_start', message },
    ...events,
    { type: 'message_delta', delta: { stop_reason, stop_sequence }, usage },
    { type: 'message_stop' },
  ] as WireEvent[];
}
