/**
 * The Anthropic messages wire. https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
import type Anthropic from '@anthropic-ai/sdk';
import { Answer, issuerOf } from '../answer.ts';
import { streamError, truncatedError } from '../errors.ts';
import {
  type Endpoint,
  type ModelCall,
  ModelError,
  type ModelEvent,
  type Protocol,
  type StopReason,
} from '../provider.ts';
import type { ToolNames } from '../tool-names.ts';
import { bearerOf, createFetch } from '../transport.ts';
import { type AnthropicCounts, toTokenUsage, usageOfAnthropic } from '../usage.ts';
import { anthropicMessagesBody } from './anthropic-messages-request.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';

export function createAnthropicMessages(): Protocol {
  return createHttpProtocol({
    createClient,
    body: anthropicMessagesBody,
    send: (client, body, signal) => client.messages.create(body, { signal }).asResponse(),
    createReader,
    isLast: ({ type }: WireEvent) => type === 'message_stop',
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

const stops: Record<string, StopReason> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'toolCalls',
};

/** The SDK's types leave out the error that may come at any point of a stream. */
type WireEvent = Anthropic.RawMessageStreamEvent | { type: 'error' };

/** Turns the wire's events into ours and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames): Reader<WireEvent> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  let counts: AnthropicCounts | null = null;
  let stopReason: string | null = null;
  let finished = false;
  /** Tool calls by block index, while their input comes in. */
  const open = new Map<number, string>();

  function* startBlock(event: Anthropic.RawContentBlockStartEvent): Iterable<ModelEvent> {
    const block = event.content_block;
    if (block.type === 'text') {
      if (block.text) yield answer.text(block.text);
    } else if (block.type === 'thinking') {
      if (block.thinking) yield answer.thinking(block.thinking);
    } else if (block.type === 'redacted_thinking') {
      answer.sign(block.data, true);
    } else if (block.type === 'tool_use') {
      const start = answer.toolStart(block.id, names.decode(block.name));
      open.set(event.index, start.id);
      yield start;
      // Some compatible servers send the whole input at once instead of deltas.
      if (block.input && Object.keys(block.input).length > 0) {
        yield answer.toolDelta(start.id, JSON.stringify(block.input));
      }
    }
  }

  function* delta(event: Anthropic.RawContentBlockDeltaEvent): Iterable<ModelEvent> {
    const { delta } = event;
    if (delta.type === 'text_delta') {
      if (delta.text) yield answer.text(delta.text);
    } else if (delta.type === 'thinking_delta') {
      if (delta.thinking) yield answer.thinking(delta.thinking);
    } else if (delta.type === 'signature_delta') {
      if (delta.signature) answer.sign(delta.signature);
    } else if (delta.type === 'input_json_delta') {
      const id = open.get(event.index);
      if (id && delta.partial_json) yield answer.toolDelta(id, delta.partial_json);
    }
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
          yield* startBlock(event);
          break;
        case 'content_block_delta':
          yield* delta(event);
          break;
        case 'content_block_stop': {
          const id = open.get(event.index);
          if (id) yield answer.toolEnd(id);
          open.delete(event.index);
          break;
        }
        case 'message_delta':
          counts = usageOfAnthropic(event.usage, counts);
          stopReason = event.delta?.stop_reason ?? stopReason;
          break;
        case 'message_stop':
          finished = true;
          break;
      }
    },

    *end(): Iterable<ModelEvent> {
      if (!finished) {
        yield this.failed(truncatedError());
      } else if (stopReason === 'refusal') {
        yield this.failed(new ModelError('content', 'The model refused to go on, for safety reasons.'));
      } else {
        const said = stops[stopReason ?? ''];
        yield* answer.finish(said === 'length');
        const stop = said ?? (answer.hasToolCalls ? 'toolCalls' : 'end');
        yield { type: 'done', message: answer.message(), stop, usage: toTokenUsage(counts) };
      }
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage: toTokenUsage(counts) };
    },
  };
}
