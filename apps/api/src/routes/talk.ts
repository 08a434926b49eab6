import { createHash } from 'node:crypto';
import { isFinal, TalkAccepted, TalkBody, TalkQuery, TalkReply } from '@nightshift/contracts';
import { acceptFirst, acceptReply, wakeForMessage } from '@nightshift/core/inbox';
import { readProgress, waitForRun } from '@nightshift/core/runs';
import { AgentParams, withAgent } from '../agent-reference.ts';
import { keyPermit, refusalOf } from '../permits.ts';
import { whilePermitted } from '../sse.ts';
import { errors, type Routes } from './types.ts';

const digest = (text: string) => createHash('sha256').update(text).digest('base64url');

export const talkRoutes: Routes = async (app, { deps }) => {
  app.post(
    '/v1/agents/:agent/messages',
    {
      config: { idempotent: true, trustsIds: true },
      schema: {
        tags: ['talk'],
        summary: 'Say something to an agent',
        description:
          'Answers 202 as soon as the message is stored. With `wait` it holds up to that many seconds and answers 200 with ' +
          'the reply when the run ends in time; otherwise 202, and the run goes on: `status`, `waitsFor` and `look` say how it ' +
          'stands and where to see more.',
        params: AgentParams,
        querystring: TalkQuery,
        body: TalkBody,
        response: { 200: TalkReply, 202: TalkAccepted, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId, keyId } = request.caller;
      const { text, conversationId } = request.body;
      const key = request.headers['idempotency-key'];
      const inbound = {
        teamId,
        source: 'api',
        apiKeyId: keyId,
        // The key names the event in the inbox too: a first request that died unanswered is not said twice.
        externalId: typeof key === 'string' ? `idempotency:${keyId}:${key}:${digest(text)}` : undefined,
        content: [{ type: 'text' as const, text }],
        trigger: 'api' as const,
        traceId: request.traceId,
      };
      const accepted = await withAgent(deps.db, teamId, request.params.agent, (agentId) =>
        conversationId
          ? acceptReply(deps.db, { ...inbound, agentId, conversationId })
          : acceptFirst(deps.db, { ...inbound, agentId }),
      );
      wakeForMessage(deps, accepted);
      const ids = {
        conversationId: accepted.conversationId,
        messageId: accepted.messageId,
        runId: accepted.runId,
      };
      request.ledTo = accepted;
      if (!request.query.wait) return reply.status(202).send(ids);

      const permitted = whilePermitted(deps, reply, keyPermit(deps.db, request));
      const signal = AbortSignal.any([permitted, AbortSignal.timeout(request.query.wait * 1000)]);
      const outcome = await waitForRun(
        deps,
        { teamId, runId: ids.runId, fresh: !accepted.duplicate },
        signal,
      );
      const refusal = refusalOf(permitted);
      if (refusal) throw refusal;
      if (!isFinal(outcome.status))
        return reply.status(202).send({ ...ids, ...(await readProgress(deps.db, teamId, ids.runId)) });
      return reply.status(200).send({
        ...ids,
        status: outcome.status,
        reply: outcome.replyText === null ? null : { text: outcome.replyText },
        model: outcome.model,
        error: outcome.error,
      });
    },
  );
};
