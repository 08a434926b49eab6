/**
 * The Anthropic messages wire. https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
import type Anthropic from '@anthropic-ai/sdk';
import { Answer, issuerOf } from '../answer.ts';
import { createClientCache } from '../client-cache.ts';
import { abortedError, streamError, toModelError, truncatedError } from '../errors.ts';
import {
  type Endpoint,
  type ModelCall,
  ModelError,
  type ModelEvent,
  type Protocol,
  type StopReason,
} from '../provider.ts';
import { serverSentEvents } from '../server-sent-events.ts';
import type { ToolNames } from '../tool-names.ts';
import { streamingFetch } from '../transport.ts';
import { type AnthropicCounts, toTokenUsage, usageOfAnthropic } from '../usage.ts';
import { anthropicMessagesBody } from './anthropic-messages-request.ts';

export function createAnthropicMessages(): Protocol {
  const clientFor = createClientCache(createClient);

  return {
    async *stream(call, endpoint, signal) {
      const reader = createReader(call, endpoint);
      let streaming = false;
      try {
        signal.throwIfAborted();
        const { body, names } = anthropicMessagesBody(call, endpoint);
        reader.names = names;
        const client = await clientFor(endpoint);
        const response = await client.messages.create(body, { signal }).asResponse();
        streaming = true;
        yield { type: 'start' };
        for await (const wireEvent of serverSentEvents<WireEvent>(response, isStop)) {
          // Not `yield*`: over a sync iterable it costs an extra promise an event.
          for (const event of reader.read(wireEvent)) yield event;
        }
      } catch (error) {
        if (!reader.finished) {
          yield reader.failed(signal.aborted ? abortedError() : toModelError(error, endpoint, streaming));
          return;
        }
      }
      yield reader.end();
    },
  };
}

/** Loads the SDK at first use: it costs 200 ms, and a process that calls no such model does not need it. */
async function createClient(endpoint: Endpoint): Promise<Anthropic> {
  const { Anthropic } = await import('@anthropic-ai/sdk');
  return new Anthropic({
    // The SDK adds `/v1/messages`; many vendors document their base with the `/v1`.
    baseURL: endpoint.baseUrl.replace(/\/v1$/, ''),
    // A key that is not null keeps the SDK from looking for credentials of its own on this machine.
    apiKey: endpoint.apiKey ?? 'none',
    defaultHeaders: keyHeaders(endpoint),
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    fetch: streamingFetch,
  });
}

/** The SDK sends the key as a bearer token, which Anthropic takes; many that imitate it know `x-api-key` alone. */
function keyHeaders({ apiKey, compat }: Endpoint): Record<string, string | null> {
  if (apiKey === null) return { 'x-api-key': null, authorization: null };
  return compat.xApiKey ? { 'x-api-key': apiKey } : {};
}

const stops: Record<string, StopReason> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'toolCalls',
};

/** The SDK's types leave out the error that may come at any point of a stream. */
type WireEvent = Anthropic.RawMessageStreamEvent | { type: 'error' };

function isStop(event: WireEvent): boolean {
  return event.type === 'message_stop';
}

/** Turns the wire's events into ours and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint) {
  const answer = new Answer(issuerOf(endpoint, call.model));
  let counts: AnthropicCounts | null = null;
  let stopReason: string | null = null;
  let finished = false;
  /** Tool calls by block index, while their input comes in. */
  const open = new Map<number, string>();

  function* startBlock(event: Anthropic.RawContentBlockStartEvent, names: ToolNames): Iterable<ModelEvent> {
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
    names: undefined as ToolNames | undefined,

    /** Whether `message_stop` was seen. What fails after it cannot hurt the answer. */
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
          yield* startBlock(event, this.names!);
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

    end(): ModelEvent {
      if (!finished) return this.failed(truncatedError());
      if (stopReason === 'refusal') {
        return this.failed(new ModelError('content', 'The model refused to go on, for safety reasons.'));
      }
      const stop = stops[stopReason ?? ''] ?? (answer.hasToolCalls ? 'toolCalls' : 'end');
      return { type: 'done', message: answer.message(), stop, usage: toTokenUsage(counts) };
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage: toTokenUsage(counts) };
    },
  };
}
