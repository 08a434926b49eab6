/**
 * The OpenAI-compatible door. An agent is a model, by its name or id; the agent's own tools run on the server.
 * https://platform.openai.com/docs/api-reference/chat
 *
 * Each request is a conversation of its own, as the protocol has it: the client sends what went before.
 */
import { type Agent, ChatCompletionBody, Id, isFinal } from '@nightshift/contracts';
import { findAgentByName, getAgent, listAgents } from '@nightshift/core/agents';
import { DomainError, invalidField, notFound } from '@nightshift/core/errors';
import { acceptFirst, type Earlier, wakeForMessage } from '@nightshift/core/inbox';
import { cancelRun, getOutcome, getRun, waitForRun, watchRun } from '@nightshift/core/runs';
import type { FastifyError } from 'fastify';
import { z } from 'zod';
import { keyPermit, refusalOf } from '../permits.ts';
import { beginErrorAnswer, type ErrorAnswer, toErrorAnswer } from '../plugins/problems.ts';
import { formatSse, permitSignal, sendSse, untilClosed } from '../sse.ts';
import type { Routes } from './types.ts';

/** OpenAI's names for what went wrong, by status. */
const errorTypes: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  429: 'rate_limit_error',
};

function errorOf({
  status,
  code,
  detail,
  fields,
}: Pick<ErrorAnswer, 'status' | 'code' | 'detail' | 'fields'>) {
  const type = errorTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { error: { message: detail, type, code, param: fields?.[0]?.path ?? null } };
}

/** A run that failed, as an error of this door. The model's fault is a 502: the request was fine. */
class RunFailed extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Part = { type: string; text?: string | undefined };

function textOfContent(content: string | readonly Part[] | null | undefined, path: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part) => {
      if (part.type !== 'text')
        throw invalidField(path, `parts of type "${part.type}" are not supported here; send text`);
      return part.text ?? '';
    })
    .join('');
}

/** The last user message is what is said now; all before it is what went before. */
function splitMessages(messages: ChatCompletionBody['messages']): { earlier: Earlier[]; text: string } {
  const all = messages.map(({ role, content }, index) => ({
    role: role === 'developer' ? ('system' as const) : role,
    text: textOfContent(content, `messages.${index}.content`),
  }));
  const last = all.at(-1);
  if (last?.role !== 'user') throw invalidField('messages', 'the last message must be of the role user');
  if (!last.text.trim()) throw invalidField('messages', 'the last message is empty');
  return { earlier: all.slice(0, -1).filter(({ text }) => text.trim()), text: last.text };
}

const seconds = (time: string | Date) => Math.floor(new Date(time).getTime() / 1000);

const asModel = (agent: Agent) => ({
  id: agent.name,
  object: 'model' as const,
  created: seconds(agent.createdAt),
  owned_by: 'nightshift',
});

const Model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number(),
  owned_by: z.string(),
});

export const openaiRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  app.setErrorHandler((error: FastifyError | RunFailed, request, reply) => {
    const failed = error instanceof RunFailed;
    const answer = failed
      ? { status: 502, code: error.code, detail: error.message }
      : toErrorAnswer(error as FastifyError);
    return beginErrorAnswer(request, reply, answer).send(errorOf(answer));
  });

  async function findAgent(teamId: string, model: string): Promise<Agent> {
    const agent = await findAgentByName(db, teamId, model);
    if (agent) return agent;
    if (!Id.safeParse(model).success) throw notFound(`agent (model "${model}")`);
    return getAgent(db, teamId, model);
  }

  app.get(
    '/openai/v1/models',
    {
      schema: {
        tags: ['openai'],
        summary: 'Agents, as models',
        response: { 200: z.object({ object: z.literal('list'), data: z.array(Model) }) },
      },
    },
    async (request) => {
      const agents = await listAgents(db, request.caller.teamId, { limit: 200 });
      return { object: 'list' as const, data: agents.data.map(asModel) };
    },
  );

  app.get(
    '/openai/v1/models/:model',
    {
      schema: {
        tags: ['openai'],
        summary: 'One agent',
        params: z.object({ model: z.string().regex(/^[^\0]+$/) }),
        response: { 200: Model },
      },
    },
    async (request) => asModel(await findAgent(request.caller.teamId, request.params.model)),
  );

  app.post(
    '/openai/v1/chat/completions',
    {
      schema: {
        tags: ['openai'],
        summary: 'Chat with an agent',
        description:
          'Parameters that steer a model (temperature, max_tokens …) are accepted and ignored: the agent decides. ' +
          'A client that leaves while its answer is made, or whose key is revoked, cancels the run.',
        body: ChatCompletionBody,
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { body } = request;
      // From here on: a client may leave, or lose its key, while its message is being stored.
      const gone = AbortSignal.any([untilClosed(reply), permitSignal(deps, reply, keyPermit(db, request))]);
      const { earlier, text } = splitMessages(body.messages);
      const agent = await findAgent(teamId, body.model);
      const accepted = await acceptFirst(db, {
        teamId,
        agentId: agent.id,
        source: 'api',
        apiKeyId: request.caller.keyId,
        content: [{ type: 'text', text }],
        earlier,
        trigger: 'api',
        traceId: request.traceId,
      });
      wakeForMessage(deps, accepted);
      const { runId } = accepted;

      const head = { id: `chatcmpl-${runId}`, created: seconds(new Date()), model: body.model };
      let ended = false;
      const cancel = () => {
        if (ended) return;
        cancelRun(db, teamId, runId).catch((error: Error) => {
          if (!(error instanceof DomainError)) request.log.warn({ err: error, runId }, 'run not cancelled');
        });
      };
      if (gone.aborted) cancel();
      else gone.addEventListener('abort', cancel);

      async function usage() {
        const run = await getRun(db, teamId, runId);
        const { inputTokens, outputTokens } = run.usage;
        return {
          prompt_tokens: inputTokens,
          completion_tokens: outputTokens,
          total_tokens: inputTokens + outputTokens,
        };
      }

      if (!body.stream) {
        const outcome = await waitForRun(deps, { teamId, runId, fresh: true }, gone);
        ended = isFinal(outcome.status);
        const refusal = refusalOf(gone);
        if (refusal) throw refusal;
        if (outcome.status !== 'succeeded') {
          throw new RunFailed(
            outcome.error?.code ?? outcome.status,
            outcome.error?.message ?? `The run was ${outcome.status}.`,
          );
        }
        return reply.send({
          ...head,
          object: 'chat.completion',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: outcome.replyText ?? '', refusal: null },
              finish_reason: 'stop',
              logprobs: null,
            },
          ],
          usage: await usage(),
        });
      }

      const chunk = (delta: object, finish: string | null, extra: object = {}) =>
        formatSse({
          data: JSON.stringify({
            ...head,
            object: 'chat.completion.chunk',
            choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
            ...extra,
          }),
        });

      async function* chunks(): AsyncGenerator<string> {
        let spoken = -1;
        yield chunk({ role: 'assistant', content: '' }, null);
        for await (const { event } of watchRun(deps, { teamId, runId, after: 0 }, gone)) {
          if (event.type === 'text.delta') {
            // What the agent says before and after a tool are paragraphs of their own.
            const gap = spoken !== -1 && spoken !== event.index ? '\n\n' : '';
            spoken = event.index;
            yield chunk({ content: gap + event.text }, null);
          }
          if (event.type === 'run.finished') ended = true;
        }
        if (gone.aborted) return;
        ended = true;
        const outcome = await getOutcome(db, teamId, runId);
        if (outcome.status !== 'succeeded') {
          const message = outcome.error?.message ?? `The run was ${outcome.status}.`;
          const code = outcome.error?.code ?? outcome.status;
          yield formatSse({
            data: JSON.stringify({ error: { message, type: 'server_error', code, param: null } }),
          });
          return;
        }
        yield chunk({}, 'stop');
        if (body.stream_options?.include_usage) {
          yield formatSse({
            data: JSON.stringify({
              ...head,
              object: 'chat.completion.chunk',
              choices: [],
              usage: await usage(),
            }),
          });
        }
        yield formatSse({ data: '[DONE]' });
      }
      const lastWord = (refusal: DomainError) =>
        formatSse({ data: JSON.stringify(errorOf(toErrorAnswer(refusal))) });
      return sendSse(request, reply, chunks(), { signal: gone, lastWord });
    },
  );
};
