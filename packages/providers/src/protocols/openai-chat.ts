/**
 * The chat completions wire, spoken by OpenAI and by nearly everybody else.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import type { TokenUsage } from '@nightshift/contracts';
import { Answer, issuerOf } from '../answer.ts';
import { streamError, truncatedError } from '../errors.ts';
import { type Endpoint, type ModelCall, ModelError, type ModelEvent, type Protocol } from '../provider.ts';
import type { ToolNames } from '../tool-names.ts';
import { usageOfOpenAi } from '../usage.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';
import { openAiChatBody } from './openai-chat-request.ts';
import { createOpenAiClient } from './openai-client.ts';

export function createOpenAiChat(): Protocol {
  return createHttpProtocol({
    createClient: createOpenAiClient,
    body: openAiChatBody,
    send: (client, body, signal) => client.chat.completions.create(body, { signal }).asResponse(),
    createReader,
    wholeAnswer,
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
function createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames): Reader<LooseChunk> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  let usage: TokenUsage | null = null;
  let finish: string | null = null;
  /** The tool call whose arguments are coming in. */
  let open: { id: string; wireId: string | null | undefined; index: number | undefined } | null = null;

  function* endOpen(): Iterable<ModelEvent> {
    if (open) yield answer.toolEnd(open.id);
    open = null;
  }

  function* readToolCall(delta: LooseToolCall): Iterable<ModelEvent> {
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
          for (const toolCall of delta.tool_calls) yield* readToolCall(toolCall);
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
        yield* answer.finish(finish === 'length');
        const stop = finish === 'length' ? 'length' : answer.hasToolCalls ? 'toolCalls' : 'end';
        yield { type: 'done', message: answer.message(), stop, usage };
      }
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };
}

/** The whole completion reads like one chunk. */
function wholeAnswer(body: unknown): LooseChunk[] | null {
  const chunk = body as LooseChunk | null;
  return chunk && !chunk.error && Array.isArray(chunk.choices) ? [chunk] : null;
}
