/** The Responses API, without tools of the client. https://platform.openai.com/docs/api-reference/responses */
import { Id, maxOpenaiBodyBytes, ResponsesBody, type RunEvent, type RunOptions } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import { DomainError, invalidField } from '@nightshift/core/errors';
import type { BroughtFile, Earlier } from '@nightshift/core/inbox';
import { type RunResult, readExchange, readReplies, readRunResult } from '@nightshift/core/openai-requests';
import type { FastifyError } from 'fastify';
import { z } from 'zod';
import { OpenaiError, toOpenaiError } from '../../openai-errors.ts';
import { toErrorAnswer } from '../../plugins/problems.ts';
import { formatSse, sendSse } from '../../sse.ts';
import type { Routes } from '../types.ts';
import type { Attachments } from './attachments.ts';
import { answerFormat } from './format.ts';
import { readInput } from './messages.ts';
import { agentOfModel, seconds } from './models.ts';
import { harmlessTools, openTurn, type Turn } from './turn.ts';

const idPrefix = 'resp_';
const idOf = (runId: string) => `${idPrefix}${runId}`;

/** @throws {OpenaiError} 404 */
function runIdOf(responseId: string): string {
  const id = responseId.startsWith(idPrefix) ? responseId.slice(idPrefix.length) : '';
  if (Id.safeParse(id).success) return id;
  throw noResponse(responseId);
}

const noResponse = (id: string) =>
  new OpenaiError({
    status: 404,
    code: 'not_found',
    detail: `There is no response with the id ${id.slice(0, 100)}.`,
  });

function optionsOf({ text, max_output_tokens, store }: ResponsesBody): RunOptions {
  const format = answerFormat(text?.format, 'text.format.schema');
  return {
    ...(format ? { format } : {}),
    ...(max_output_tokens ? { maxOutputTokens: max_output_tokens } : {}),
    ...(store === false ? { store: false } : {}),
  };
}

/** What was said up to an earlier response, with its files. It began its own conversation; so does the one that follows it. */
async function readPrevious(
  db: Database,
  teamId: string,
  responseId: string,
): Promise<(attachments: Attachments) => Earlier[]> {
  const field = 'previous_response_id';
  const exchange = await readExchange(db, teamId, runIdOf(responseId)).catch((error: unknown) => {
    if (error instanceof DomainError && error.code === 'not_found') throw noResponse(responseId);
    throw error;
  });
  if (exchange.options.store === false)
    throw invalidField(field, 'names a response that was made with store: false');
  if (exchange.status !== 'succeeded')
    throw invalidField(field, `names a response that is ${exchange.status}`);
  const files = new Map(exchange.files.map((file: BroughtFile) => [file.id, file]));
  return (attachments) =>
    exchange.messages
      // Instructions are not carried over from one response to the next.
      .filter(({ role }) => role !== 'system')
      .map(({ role, content }) => ({
        role,
        content: content.map((part) => {
          const file = part.type === 'attachment' ? files.get(part.fileId) : undefined;
          return file ? attachments.addStored(file) : part;
        }),
      }));
}

const messagePrefix = 'msg_';

/** The answers that items of the input refer to by the ids of their messages, as Vercel's AI SDK does. */
async function readReferenced(db: Database, teamId: string, input: ResponsesBody['input']) {
  const ids =
    typeof input === 'string' ? [] : input.map((item) => (item.type === 'item_reference' ? item.id : null));
  const runIds = ids.flatMap((id) =>
    typeof id === 'string' &&
    id.startsWith(messagePrefix) &&
    Id.safeParse(id.slice(messagePrefix.length)).success
      ? id.slice(messagePrefix.length)
      : [],
  );
  const found = await readReplies(db, teamId, runIds);
  return (id: string) => found.get(id.slice(messagePrefix.length));
}

/** What a response repeats of its request. */
type Echo = Partial<ResponsesBody> & { model: string };

function responseOf(
  head: { id: string; created_at: number },
  body: Echo,
  rest: { status: string } & Record<string, unknown>,
) {
  return {
    ...head,
    object: 'response' as const,
    background: false,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: body.model,
    output: [] as unknown[],
    parallel_tool_calls: true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    store: body.store ?? true,
    temperature: null,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'disabled',
    usage: null as unknown,
    user: null,
    ...rest,
  };
}

const messageOf = (runId: string, text: string, status: string) => ({
  id: `${messagePrefix}${runId}`,
  type: 'message' as const,
  status,
  role: 'assistant' as const,
  content: status === 'in_progress' ? [] : [partOf(text)],
});

const partOf = (text: string) => ({ type: 'output_text' as const, text, annotations: [], logprobs: [] });

const usageOf = ({ usage }: RunResult) => ({
  input_tokens: usage.input,
  input_tokens_details: { cached_tokens: usage.cachedInput },
  output_tokens: usage.output,
  output_tokens_details: { reasoning_tokens: usage.reasoning },
  total_tokens: usage.input + usage.output,
});

/** A run that succeeded. `text`: what was said, where it is not only the last. */
function completed(result: RunResult, body: Echo, text = result.text) {
  const isCut = result.stop === 'length';
  const status = isCut ? 'incomplete' : 'completed';
  const head = { id: idOf(result.runId), created_at: seconds(result.createdAt) };
  return responseOf(head, body, {
    status,
    completed_at: isCut || !result.endedAt ? null : seconds(result.endedAt),
    ...(isCut ? { incomplete_details: { reason: 'max_output_tokens' } } : {}),
    output: [messageOf(result.runId, text, status)],
    usage: usageOf(result),
  });
}

export const responseRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  app.post(
    '/openai/v1/responses',
    {
      bodyLimit: maxOpenaiBodyBytes,
      schema: {
        tags: ['openai'],
        summary: 'Ask an agent, as a response',
        description: 'As chat completions, in the shape of the Responses API: docs/openai.md.',
        body: ResponsesBody,
      },
    },
    async (request, reply) => {
      const { body } = request;
      const { teamId } = request.caller;
      const turn = await openTurn(deps, request, reply, async () => {
        const { previous_response_id: previous } = body;
        return {
          said: readInput(
            body,
            previous ? await readPrevious(db, teamId, previous) : null,
            await readReferenced(db, teamId, body.input),
          ),
          options: optionsOf(body),
          agent: await agentOfModel(db, teamId, body.model),
        };
      });
      if (!body.stream) return reply.send(completed(await turn.end(), body));
      const stream = new ResponseStream(turn, body);
      return sendSse(request, reply, stream.events(), {
        signal: turn.gone,
        lastWord: (refusal) => stream.failed(refusal),
      });
    },
  );

  app.get(
    '/openai/v1/responses/:response',
    {
      schema: {
        tags: ['openai'],
        summary: 'A response that was made before',
        params: z.object({ response: z.string().regex(/^[^\0]+$/) }),
      },
    },
    async ({ caller: { teamId }, params: { response } }) => {
      const result = await readRunResult(db, { teamId, runId: runIdOf(response), harmlessTools }).catch(
        (error: unknown) => {
          if (error instanceof DomainError && error.code === 'not_found') throw noResponse(response);
          throw error;
        },
      );
      if (result.options.store === false) throw noResponse(response);
      const echo = { model: result.agentName };
      if (result.status === 'succeeded') return completed(result, echo);
      const head = { id: idOf(result.runId), created_at: seconds(result.createdAt) };
      const status = { queued: 'queued', running: 'in_progress', failed: 'failed', cancelled: 'cancelled' };
      const error = result.error ? { code: result.error.code, message: result.error.message } : null;
      return responseOf(head, echo, { status: status[result.status], error });
    },
  );
};

/** The events of one response, each with its number. */
class ResponseStream {
  readonly #turn: Turn;
  readonly #body: ResponsesBody;
  readonly #head: { id: string; created_at: number };
  #number = 0;
  #opened = false;
  #text = '';
  #step = -1;

  constructor(turn: Turn, body: ResponsesBody) {
    this.#turn = turn;
    this.#body = body;
    this.#head = { id: idOf(turn.runId), created_at: seconds(new Date()) };
  }

  #event(type: string, fields: object): string {
    return formatSse({
      event: type,
      data: JSON.stringify({ type, ...fields, sequence_number: this.#number++ }),
    });
  }

  get #place() {
    return { item_id: `${messagePrefix}${this.#turn.runId}`, output_index: 0, content_index: 0 };
  }

  *#open(): Generator<string> {
    this.#opened = true;
    const response = responseOf(this.#head, this.#body, { status: 'in_progress' });
    yield this.#event('response.created', { response });
    yield this.#event('response.in_progress', { response });
    const item = messageOf(this.#turn.runId, '', 'in_progress');
    yield this.#event('response.output_item.added', { output_index: 0, item });
    yield this.#event('response.content_part.added', { ...this.#place, part: partOf('') });
  }

  *#say(delta: string): Generator<string> {
    if (delta === '') return;
    this.#text += delta;
    yield this.#event('response.output_text.delta', { ...this.#place, delta, logprobs: [] });
  }

  *#close(status: string): Generator<string> {
    const text = this.#text;
    yield this.#event('response.output_text.done', { ...this.#place, text, logprobs: [] });
    yield this.#event('response.content_part.done', { ...this.#place, part: partOf(text) });
    const item = messageOf(this.#turn.runId, text, status);
    yield this.#event('response.output_item.done', { output_index: 0, item });
  }

  /** The last event of a stream that has begun. */
  failed(cause: Error): string {
    const { error } = toOpenaiError(toErrorAnswer(cause as FastifyError));
    const output = this.#text === '' ? [] : [messageOf(this.#turn.runId, this.#text, 'incomplete')];
    const isFiltered = error.code === 'content_filter' && this.#text !== '';
    const rest = isFiltered
      ? { status: 'incomplete', incomplete_details: { reason: 'content_filter' } }
      : { status: 'failed', error: { code: error.code, message: error.message } };
    const response = responseOf(this.#head, this.#body, { ...rest, output });
    return this.#event(`response.${rest.status}`, { response });
  }

  async *events(): AsyncGenerator<string> {
    const isWhole = (this.#body.text?.format?.type ?? 'text') !== 'text';
    const isShown = (event: RunEvent) =>
      (event.type === 'text.delta' && !isWhole) || (event.type === 'step.started' && event.kind === 'tool');
    try {
      for await (const event of this.#turn.watch(isShown)) {
        if (event.type === 'open') yield* this.#open();
        else if (event.type === 'text.delta' && !isWhole) {
          // What the agent says before and after a tool are paragraphs of their own.
          const gap = this.#text !== '' && event.index !== this.#step ? '\n\n' : '';
          this.#step = event.index;
          yield* this.#say(gap + event.text);
        } else if (event.type === 'run.waiting' && this.#opened) {
          yield `: waits until ${event.waiting.until}\n\n`;
        }
      }
      if (this.#turn.gone.aborted) return;
      const result = await this.#turn.result();
      if (isWhole) yield* this.#say(result.text);
      const response = completed(result, this.#body, this.#text);
      yield* this.#close(response.status);
      yield this.#event(`response.${response.status}`, { response });
    } catch (error) {
      if (!this.#opened) throw error;
      yield this.failed(error as Error);
    }
  }
}
