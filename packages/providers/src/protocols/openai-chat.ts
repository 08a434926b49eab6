/**
 * The chat completions wire, spoken by OpenAI and by nearly everybody else.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import type { TokenUsage } from '@nightshift/contracts';
import type OpenAI from 'openai';
import { Answer, issuerOf } from '../answer.ts';
import { createClientCache } from '../client-cache.ts';
import { abortedError, streamError, toModelError, truncatedError } from '../errors.ts';
import { type Endpoint, type ModelCall, ModelError, type ModelEvent, type Protocol } from '../provider.ts';
import { serverSentEvents } from '../server-sent-events.ts';
import type { ToolNames } from '../tool-names.ts';
import { findHttpFailure, streamingFetch } from '../transport.ts';
import { usageOfOpenAi } from '../usage.ts';
import { openAiChatBody } from './openai-chat-request.ts';

export function createOpenAiChat(): Protocol {
  const clientFor = createClientCache(createClient);

  return {
    async *stream(call, endpoint, signal) {
      const reader = createReader(call, endpoint);
      let streaming = false;
      try {
        signal.throwIfAborted();
        const { body, names } = openAiChatBody(call, endpoint);
        reader.names = names;
        const client = await clientFor(endpoint);
        const response = await client.chat.completions.create(body, { signal }).asResponse();
        streaming = true;
        yield { type: 'start' };
        for await (const chunk of serverSentEvents<LooseChunk>(response)) {
          // Not `yield*`: over a sync iterable it costs an extra promise an event.
          for (const event of reader.read(chunk)) yield event;
        }
      } catch (error) {
        const whole = wholeAnswer(error);
        if (whole) {
          if (!streaming) yield { type: 'start' };
          yield* reader.read(whole);
        } else if (!reader.finished) {
          yield reader.failed(signal.aborted ? abortedError() : toModelError(error, endpoint, streaming));
          return;
        }
      }
      yield* reader.end();
    },
  };
}

/** Loads the SDK at first use: it costs 200 ms, and a process that calls no such model does not need it. */
async function createClient(endpoint: Endpoint): Promise<OpenAI> {
  const { OpenAI } = await import('openai');
  return new OpenAI({
    baseURL: endpoint.baseUrl,
    apiKey: endpoint.apiKey ?? 'none',
    // Null keeps the SDK from sending what it finds in this process's environment to somebody else's server.
    adminAPIKey: null,
    organization: null,
    project: null,
    ...(endpoint.apiKey === null ? { defaultHeaders: { Authorization: null } } : {}),
    maxRetries: 0,
    logLevel: 'off',
    fetch: streamingFetch,
  });
}

/** A chunk as compatible servers send it: any field may be missing, and some are put elsewhere. */
interface LooseChunk {
  choices?: (LooseChoice | undefined)[] | null;
  usage?: unknown;
  /** Groq's place for usage. */
  x_groq?: { usage?: unknown };
  error?: unknown;
  object?: string;
}
interface LooseChoice {
  delta?: LooseDelta | null;
  message?: LooseDelta | null;
  finish_reason?: string | null;
  /** Moonshot's place for usage. */
  usage?: unknown;
}
interface LooseDelta {
  content?: string | LooseContent[] | null;
  refusal?: string | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?: LooseToolCall[] | null;
}
/** Mistral's reasoning models send parts. https://docs.mistral.ai/capabilities/reasoning */
interface LooseContent {
  type?: string;
  text?: string;
  thinking?: { text?: string }[];
}
interface LooseToolCall {
  index?: number;
  id?: string | null;
  function?: { name?: string | null; arguments?: unknown };
  extra_content?: { google?: { thought_signature?: string } };
}

/** Turns chunks into events and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint) {
  const answer = new Answer(issuerOf(endpoint, call.model));
  let usage: TokenUsage | null = null;
  let finish: string | null = null;
  /** The tool call whose arguments are coming in. */
  let open: { id: string; wireId: string | null | undefined; index: number | undefined } | null = null;

  function* endOpen(): Iterable<ModelEvent> {
    if (open) yield answer.toolEnd(open.id);
    open = null;
  }

  function* readToolCall(delta: LooseToolCall, names: ToolNames): Iterable<ModelEvent> {
    const name = delta.function?.name;
    // A call begins with its name. Servers differ in what else marks it: a new index, or only a new id (Gemini gives
    // every parallel call index 0), or neither; and some repeat id and name on every delta of the same call.
    const isNew =
      open === null ||
      (delta.index !== undefined && open.index !== undefined && delta.index !== open.index) ||
      (Boolean(delta.id) && Boolean(name) && delta.id !== open.wireId) ||
      (delta.index === undefined && !delta.id && Boolean(name));
    if (isNew) {
      yield* endOpen();
      const signature = delta.extra_content?.google?.thought_signature;
      if (signature) answer.sign(signature);
      const start = answer.toolStart(delta.id, names.decode(name ?? ''));
      open = { id: start.id, wireId: delta.id, index: delta.index };
      yield start;
    }
    const args = delta.function?.arguments;
    const json = typeof args === 'string' ? args : args ? JSON.stringify(args) : '';
    if (json !== '') yield answer.toolDelta(open!.id, json);
  }

  return {
    names: undefined as ToolNames | undefined,

    /** Whether the finish marker was seen. What fails after it cannot hurt the answer. */
    get finished(): boolean {
      return finish !== null;
    },

    *read(chunk: LooseChunk): Iterable<ModelEvent> {
      if (chunk.error || chunk.object === 'error') throw streamError(chunk, endpoint);
      const choice = chunk.choices?.[0];
      const counted = chunk.usage ?? choice?.usage ?? chunk.x_groq?.usage;
      if (counted) usage = usageOfOpenAi(counted) ?? usage;
      if (!choice) return;
      const delta = choice.delta ?? choice.message;
      if (delta) {
        const thinking = delta.reasoning_content ?? delta.reasoning;
        if (thinking) yield answer.thinking(thinking);
        if (typeof delta.content === 'string') {
          if (delta.content !== '') yield answer.text(delta.content);
        } else if (delta.content) {
          for (const part of delta.content) {
            if (part.text) yield answer.text(part.text);
            for (const thought of part.thinking ?? []) if (thought.text) yield answer.thinking(thought.text);
          }
        }
        if (delta.refusal) yield answer.text(delta.refusal);
        if (delta.tool_calls) {
          for (const toolCall of delta.tool_calls) yield* readToolCall(toolCall, this.names!);
        }
      }
      if (choice.finish_reason) finish = choice.finish_reason;
    },

    *end(): Iterable<ModelEvent> {
      if (finish === null) {
        yield this.failed(truncatedError());
      } else if (finish === 'content_filter') {
        yield this.failed(new ModelError('content', "The vendor's content filter stopped the answer."));
      } else if (finish === 'error') {
        yield this.failed(streamError({ error: { message: 'the model stopped with an error' } }, endpoint));
      } else {
        yield* endOpen();
        const stop = finish === 'length' ? 'length' : answer.hasToolCalls ? 'toolCalls' : 'end';
        yield { type: 'done', message: answer.message(), stop, usage };
      }
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };
}

/** A server that ignores `stream: true` answers with the whole completion at once: it reads like one chunk. */
function wholeAnswer(error: unknown): LooseChunk | null {
  const failure = findHttpFailure(error);
  if (!failure || failure.status >= 300) return null;
  try {
    const body = JSON.parse(failure.body) as LooseChunk | null;
    return body && !body.error && Array.isArray(body.choices) ? body : null;
  } catch {
    return null;
  }
}
