import {
  pageOf,
  Schedule,
  ScheduleCreate,
  ScheduleFire,
  ScheduleFireListQuery,
  ScheduleListQuery,
  ScheduleReplace,
  ScheduleUpdate,
} from '@nightshift/contracts';
import { DomainError } from '@nightshift/core/errors';
import { wakeForMessage } from '@nightshift/core/inbox';
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listFires,
  listSchedules,
  runScheduleNow,
  updateSchedule,
} from '@nightshift/core/schedules';
import { resolveDelivery } from '../deliver-to.ts';
import { upsert } from '../upsert.ts';
import { errors, NameParams, NoContent, paramsOf, type Routes } from './types.ts';

const Params = paramsOf('schedule');

export const scheduleRoutes: Routes = async (app, { deps }) => {
  const { db } = deps;

  app.post(
    '/v1/schedules',
    {
      config: { idempotent: true },
      schema: {
        tags: ['schedules'],
        summary: 'Make a schedule',
        description:
          'Give exactly one of `cron`, `everySeconds` and `at`. At each slot the agent is told `prompt`, in a run of its own; ' +
          'its answers go to `deliverTo`, or to a conversation of the schedule.',
        body: ScheduleCreate,
        response: { 201: Schedule, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId, keyId } = request.caller;
      const key = request.headers['idempotency-key'];
      // The key names the schedule itself too: a first request that died unanswered makes no second one.
      const idempotencyKey = typeof key === 'string' ? `api:${teamId}:${keyId}:${key}` : undefined;
      const deliverTo = await resolveDelivery(db, teamId, request.body.deliverTo);
      const body = { ...request.body, deliverTo };
      return reply.status(201).send(await createSchedule(db, teamId, body, { idempotencyKey }));
    },
  );

  app.get(
    '/v1/schedules',
    {
      schema: {
        tags: ['schedules'],
        summary: 'List schedules, newest first',
        querystring: ScheduleListQuery,
        response: { 200: pageOf(Schedule), ...errors },
      },
    },
    (request) => listSchedules(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/schedules/:id',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Read a schedule',
        params: Params,
        response: { 200: Schedule, ...errors },
      },
    },
    (request) => getSchedule(db, request.caller.teamId, request.params.id),
  );

  app.put(
    '/v1/schedules/by-name/:name',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Make the schedule of this name, or replace it',
        description:
          'The body is all of it: what is left out is as in a new schedule. Where its timing stays, its next slot stays; ' +
          'one that is paused stays paused. It keeps its agent.',
        params: NameParams,
        body: ScheduleReplace,
        response: { 200: Schedule, 201: Schedule, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { agentId, ...body } = request.body;
      const deliverTo = await resolveDelivery(db, teamId, body.deliverTo);
      const { status, record } = await upsert(db, teamId, 'schedule', {
        name: request.params.name,
        given: body.name,
        create: (name) => createSchedule(db, teamId, { ...body, agentId, name, deliverTo }),
        async replace(id) {
          const current = await getSchedule(db, teamId, id);
          if (current.agentId !== agentId) {
            const { name } = current;
            throw new DomainError(
              'conflict',
              `The schedule "${name}" is of another agent: ${current.agent.name}.`,
              {
                existing: { id, name },
              },
            );
          }
          return updateSchedule(db, teamId, id, { ...body, deliverTo });
        },
      });
      return reply.status(status).send(record);
    },
  );

  app.patch(
    '/v1/schedules/:id',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Change, pause or resume a schedule',
        description:
          'A `cron`, `everySeconds` or `at` takes the place of the one before. A new timing and resuming count from now.',
        params: Params,
        body: ScheduleUpdate,
        response: { 200: Schedule, ...errors },
      },
    },
    async ({ caller: { teamId }, params, body }) => {
      const deliverTo = await resolveDelivery(db, teamId, body.deliverTo);
      return updateSchedule(db, teamId, params.id, { ...body, deliverTo });
    },
  );

  app.delete(
    '/v1/schedules/:id',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Delete a schedule',
        description: 'Its runs and its conversation stay readable.',
        params: Params,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteSchedule(db, request.caller.teamId, request.params.id);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/v1/schedules/:id/run',
    {
      config: { idempotent: true },
      schema: {
        tags: ['schedules'],
        summary: 'Run a schedule now',
        description: 'Also one that is paused. Its next slot stays where it is.',
        params: Params,
        response: { 202: ScheduleFire, ...errors },
      },
    },
    async (request, reply) => {
      const { fire, accepted } = await runScheduleNow(db, request.caller.teamId, request.params.id, request);
      request.ledTo = accepted;
      if (accepted) wakeForMessage(deps, accepted);
      return reply.status(202).send(fire);
    },
  );

  app.get(
    '/v1/schedules/:id/fires',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Read what became of the slots, newest first',
        description: 'Every slot has a row, also one that led to no run. Rows are kept for 90 days.',
        params: Params,
        querystring: ScheduleFireListQuery,
        response: { 200: pageOf(ScheduleFire), ...errors },
      },
    },
    (request) => listFires(db, request.caller.teamId, request.params.id, request.query),
  );
};
