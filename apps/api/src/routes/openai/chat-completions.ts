/** https://platform.openai.com/docs/api-reference/chat */
import {
  ChatCompletionBody,
  maxOpenaiBodyBytes,
  type RunEvent,
  type RunOptions,
} from '@nightshift/contracts';
import type { RunResult } from '@nightshift/core/openai-requests';
import type { FastifyError } from 'fastify';
import { OpenaiError, toOpenaiError } from '../../openai-errors.ts';
import { toErrorAnswer } from '../../plugins/problems.ts';
import { formatSse, sendSse } from '../../sse.ts';
import type { Routes } from '../types.ts';
import { finishReasonOf } from './failures.ts';
import { answerFormat } from './format.ts';
import { readChatMessages } from './messages.ts';
import { agentOfModel, seconds } from './models.ts';
import { createStopFilter, cutAtStop, stopSequencesOf } from './stop-sequences.ts';
import { openTurn, type Turn } from './turn.ts';

const data = (value: object) => formatSse({ data: JSON.stringify(value) });
const done = formatSse({ data: '[DONE]' });

/** The end of a stream that has begun: its client reads the error as an event. */
const failed = (error: Error) => data(toOpenaiError(toErrorAnswer(error as FastifyError))) + done;

function optionsOf(body: ChatCompletionBody): RunOptions {
  const { response_format: given } = body;
  const format =
    given?.type === 'json_schema'
      ? answerFormat({ ...given.json_schema, type: given.type }, 'response_format.json_schema.schema')
      : answerFormat(given, 'response_format');
  const maxOutputTokens = body.max_completion_tokens ?? body.max_tokens;
  return { ...(format ? { format } : {}), ...(maxOutputTokens ? { maxOutputTokens } : {}) };
}

export const usageOf = ({ usage }: RunResult) => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: { cached_tokens: usage.cachedInput, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: usage.reasoning,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});

export const chatCompletionRoutes: Routes = async (app, { deps }) => {
  app.post(
    '/openai/v1/chat/completions',
    {
      bodyLimit: maxOpenaiBodyBytes,
      schema: {
        tags: ['openai'],
        summary: 'Chat with an agent',
        description:
          'What is supported, and what a repeated request does: docs/openai.md. Parameters that steer how a model samples ' +
          '(temperature, seed …) are accepted and have no effect: the agent decides. A client that leaves while its answer ' +
          'is made, and does not come back with the same request, or whose key is revoked, cancels the run.',
        body: ChatCompletionBody,
      },
    },
    async (request, reply) => {
      const { body } = request;
      const turn = await openTurn(deps, request, reply, async () => ({
        said: readChatMessages(body.messages),
        options: optionsOf(body),
        agent: await agentOfModel(deps.db, request.caller.teamId, body.model),
      }));
      const head = { id: `chatcmpl-${turn.runId}`, created: seconds(new Date()), model: body.model };
      if (body.stream) {
        const source = chunks(turn, head, body);
        return sendSse(request, reply, source, { signal: turn.gone, lastWord: failed });
      }
      const result = await turn.end();
      return reply.send({
        ...head,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              content: cutAtStop(result.text, stopSequencesOf(body.stop)),
              refusal: null,
            },
            finish_reason: finishReasonOf(result),
            logprobs: null,
          },
        ],
        usage: usageOf(result),
      });
    },
  );
};

type Head = { id: string; created: number; model: string };

async function* chunks(turn: Turn, head: Head, body: ChatCompletionBody): AsyncGenerator<string> {
  const withUsage = body.stream_options?.include_usage === true;
  // An answer in a format is shown when it was checked.
  const isWhole = (body.response_format?.type ?? 'text') !== 'text';
  const sequences = stopSequencesOf(body.stop);
  let filter = createStopFilter(sequences);
  let step = -1;
  let opened = false;
  /** The step that was heard last; null: none yet. */
  let spoken: number | null = null;

  const chunk = (delta: object, finish: string | null = null) =>
    data({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
      ...(withUsage ? { usage: null } : {}),
    });
  function* say(text: string): Generator<string> {
    if (text === '') return;
    // What the agent says before and after a tool are paragraphs of their own.
    const gap = spoken !== null && spoken !== step ? '\n\n' : '';
    spoken = step;
    yield chunk({ content: gap + text });
  }
  const isShown = (event: RunEvent) =>
    (event.type === 'text.delta' && !isWhole) || (event.type === 'step.started' && event.kind === 'tool');
  function* end(result: RunResult | null, reason: string): Generator<string> {
    yield chunk({}, reason);
    if (withUsage && result)
      yield data({ ...head, object: 'chat.completion.chunk', choices: [], usage: usageOf(result) });
    yield done;
  }

  try {
    for await (const event of turn.watch(isShown)) {
      if (event.type === 'open') {
        opened = true;
        yield chunk({ role: 'assistant', content: '' });
      } else if (event.type === 'text.delta' && !isWhole) {
        if (event.index !== step) {
          yield* say(filter.end());
          filter = createStopFilter(sequences);
          step = event.index;
        }
        yield* say(filter.push(event.text));
      } else if (event.type === 'run.waiting' && opened) {
        yield `: waits until ${event.waiting.until}\n\n`;
      }
    }
    if (turn.gone.aborted) return;
    yield* say(filter.end());
    const result = await turn.result();
    if (isWhole) yield* say(result.text);
    yield* end(result, finishReasonOf(result));
  } catch (error) {
    // Before the stream has begun, the error is an ordinary answer.
    if (!opened) throw error;
    yield* say(filter.end());
    const isFiltered = error instanceof OpenaiError && error.answer.code === 'content_filter';
    if (isFiltered && spoken !== null) yield* end(null, 'content_filter');
    else yield failed(error as Error);
  }
}
