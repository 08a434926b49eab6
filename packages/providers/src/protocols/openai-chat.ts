/**
 * The chat completions wire, spoken by OpenAI and by nearly everybody else.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
import type { TokenUsage } from '@nightshift/contracts';
import { Answer, issuerOf } from '../answer.ts';
import { isErrorEvent, streamError, truncatedError } from '../errors.ts';
import { isReason, readFinish } from '../finish-reasons.ts';
import type { Endpoint, ModelCall, ModelError, ModelEvent, Protocol } from '../provider.ts';
import { createTextReader } from '../think-tags.ts';
import type { ToolNames } from '../tool-names.ts';
import { usageOfOpenAi } from '../usage.ts';
import { endAnswer } from './end-answer.ts';
import { createHttpProtocol, type Reader } from './http-protocol.ts';
import { openAiChatBody } from './openai-chat-request.ts';
import { type LooseFunction, type LooseToolCall, ToolCallDeltas } from './openai-chat-tool-calls.ts';
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
}
interface LooseChoice {
  delta?: LooseDelta | null;
  message?: LooseDelta | null;
  finish_reason?: unknown;
  /** Moonshot's place for usage. */
  usage?: unknown;
}
interface LooseDelta {
  content?: string | LooseContent[] | null;
  refusal?: string | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  tool_calls?: LooseToolCall[] | null;
  /** What OpenAI had before `tool_calls`. */
  function_call?: LooseFunction | null;
}
/** Mistral's reasoning models send parts. https://docs.mistral.ai/capabilities/reasoning */
interface LooseContent {
  type?: string;
  text?: string;
  thinking?: { text?: string }[];
}

/** Turns chunks into events and knows when the answer is complete. */
function createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames): Reader<LooseChunk> {
  const answer = new Answer(issuerOf(endpoint, call.model));
  const text = createTextReader(answer, call, endpoint);
  const toolCalls = new ToolCallDeltas(answer, names, call.tools?.map(({ name }) => name) ?? []);
  let usage: TokenUsage | null = null;
  /** The finish reason. */
  let reason: unknown;
  /** `[DONE]` has come. */
  let isDone = false;
  /** The text of all deltas. */
  let streamed = '';
  let hasDeltas = false;

  function* readContent(content: LooseDelta['content']): Iterable<ModelEvent> {
    if (typeof content === 'string') yield* text.read(content);
    else {
      for (const part of listOf(content)) {
        if (isText(part?.text)) yield* text.read(part.text);
        for (const thought of listOf(part?.thinking))
          if (isText(thought?.text)) yield* text.thinking(thought.text);
      }
    }
  }

  function* readDelta(delta: LooseDelta): Iterable<ModelEvent> {
    const thinking = [delta.reasoning_content, delta.reasoning].find(isText);
    if (thinking) yield* text.thinking(thinking);
    if (typeof delta.content === 'string') streamed += delta.content;
    yield* readContent(delta.content);
    if (isText(delta.refusal)) yield* text.read(delta.refusal);
    const calls = listOf(delta.tool_calls).filter((call) => typeof call === 'object' && call !== null);
    if (calls.length > 0 || delta.function_call) yield* text.flush();
    if (calls.length > 0) yield* toolCalls.read(calls);
    if (delta.function_call) yield* toolCalls.read([{ function: delta.function_call }]);
  }

  /** The whole message, of an answer that does not stream, or once more behind the deltas of one that did. */
  function* readMessage(message: LooseDelta): Iterable<ModelEvent> {
    const { tool_calls, function_call, ...rest } = message;
    const { content } = rest;
    if (typeof content === 'string' && streamed !== '' && content.startsWith(streamed)) {
      // What the deltas left out.
      const more = content.slice(streamed.length);
      streamed = content;
      yield* text.read(more);
    } else if (!hasDeltas) yield* readDelta(rest);
    const called = function_call ? [{ function: function_call }] : [];
    yield* toolCalls.readWhole([...(tool_calls ?? []), ...called]);
  }

  return {
    get finished(): boolean {
      return reason !== undefined;
    },

    *read(chunk: LooseChunk): Iterable<ModelEvent> {
      if (isErrorEvent(chunk)) throw streamError(chunk, endpoint);
      const choice = chunk.choices?.[0];
      const counted = chunk.usage ?? choice?.usage ?? chunk.x_groq?.usage;
      if (counted) usage = usageOfOpenAi(counted) ?? usage;
      if (!choice) return;
      if (choice.delta) {
        yield* readDelta(choice.delta);
        hasDeltas ||= Boolean(choice.delta.content || choice.delta.tool_calls);
      }
      if (choice.message) yield* readMessage(choice.message);
      if (isReason(choice.finish_reason)) reason = choice.finish_reason;
    },

    done(): void {
      isDone = true;
    },

    *end(): Iterable<ModelEvent> {
      // Without a reason, the end of the stream and the count of its tokens say that nothing of the text is
      // missing.
      if (reason === undefined && !(isDone && usage)) return yield this.failed(truncatedError());
      yield* endAnswer({
        ...{ answer, text, endpoint, reason, usage },
        finish: reason === undefined ? 'end' : readFinish(reason),
        endCalls: (isCut) => toolCalls.end(reason !== undefined && !isCut),
      });
    },

    failed(error: ModelError): ModelEvent {
      return { type: 'error', error, partial: answer.message(), usage };
    },
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const listOf = <Item>(value: readonly Item[] | string | null | undefined): readonly Item[] =>
  Array.isArray(value) ? value : [];

/** The whole completion reads like one chunk. */
function wholeAnswer(body: unknown): LooseChunk[] | null {
  const chunk = body as LooseChunk | null;
  return chunk && !chunk.error && Array.isArray(chunk.choices) ? [chunk] : null;
}
