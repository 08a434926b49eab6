import { pageOf, Run, RunListQuery, Step } from '@nightshift/contracts';
import { invalidField } from '@nightshift/core/errors';
import { cancelRun, getRun, listRuns, listSteps, retryRun, watchRun } from '@nightshift/core/runs';
import { z } from 'zod';
import { keyPermit } from '../permits.ts';
import { formatSse, sendSse, whilePermitted } from '../sse.ts';
import { errors, paramsOf, type Routes } from './types.ts';

function lastEventId(header: string | string[] | undefined): number {
  if (header === undefined || header === '') return 0;
  const id = Number(header);
  if (!Number.isSafeInteger(id) || id < 0)
    throw invalidField('Last-Event-ID', 'is not one that this stream sent');
  return Math.min(id, 2_147_483_647);
}

const Params = paramsOf('run');

export const runRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  app.get(
    '/v1/runs',
    {
      schema: {
        tags: ['runs'],
        summary: 'List runs, newest first',
        querystring: RunListQuery,
        response: { 200: pageOf(Run), ...errors },
      },
    },
    (request) => listRuns(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/runs/:id',
    {
      schema: { tags: ['runs'], summary: 'Read a run', params: Params, response: { 200: Run, ...errors } },
    },
    (request) => getRun(db, request.caller.teamId, request.params.id),
  );

  app.get(
    '/v1/runs/:id/steps',
    {
      schema: {
        tags: ['runs'],
        summary: 'Read what a run did, step by step',
        params: Params,
        response: { 200: z.object({ data: z.array(Step) }), ...errors },
      },
    },
    async (request) => ({ data: await listSteps(db, request.caller.teamId, request.params.id) }),
  );

  app.get(
    '/v1/runs/:id/events',
    {
      schema: {
        tags: ['runs'],
        summary: 'Watch a run',
        description:
          'Server-sent events until the run ends: run.started, step.started, text.delta, thinking.delta, step.finished, ' +
          'run.warning, run.waiting, run.finished. Send Last-Event-ID to go on where a connection broke. Events are kept for an hour; an older run is ' +
          'told from its journal, each step whole. When the key is revoked meanwhile, the last event is `error`, with `code` and ' +
          '`message`.',
        params: Params,
        response: errors,
      },
    },
    async (request, reply) => {
      const after = lastEventId(request.headers['last-event-id']);
      const { teamId } = request.caller;
      const signal = whilePermitted(deps, reply, keyPermit(db, request));
      async function* events() {
        yield ': watching\n\n';
        for await (const { seq, event } of watchRun(
          deps,
          { teamId, runId: request.params.id, after },
          signal,
        )) {
          yield formatSse({ id: seq, event: event.type, data: JSON.stringify(event) });
        }
      }
      // Says "no such run" before the stream begins.
      await getRun(db, teamId, request.params.id);
      return sendSse(request, reply, events(), { signal });
    },
  );

  app.post(
    '/v1/runs/:id/cancel',
    {
      schema: {
        tags: ['runs'],
        summary: 'Stop a run',
        description:
          'One that waits is cancelled at once. One that runs is told, and stops within 5 seconds.',
        params: Params,
        response: { 202: Run, ...errors },
      },
    },
    async (request, reply) =>
      reply.status(202).send(await cancelRun(db, request.caller.teamId, request.params.id)),
  );

  app.post(
    '/v1/runs/:id/retry',
    {
      schema: {
        tags: ['runs'],
        summary: 'Go on with a failed or cancelled run',
        description: 'After its last finished step: what was paid for is not paid again.',
        params: Params,
        response: { 202: Run, ...errors },
      },
    },
    async (request, reply) => {
      const run = await retryRun(db, request.caller.teamId, request.params.id);
      deps.conversations.wakeSoon({ conversationId: run.conversationId }, run.conversationId);
      return reply.status(202).send(run);
    },
  );
};
