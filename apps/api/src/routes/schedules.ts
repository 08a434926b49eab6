import {
  PageQuery,
  pageOf,
  Schedule,
  ScheduleCreate,
  ScheduleFire,
  ScheduleListQuery,
  ScheduleUpdate,
} from '@nightshift/contracts';
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
import { errors, IdParams, NoContent, type Routes } from './types.ts';

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
      return reply.status(201).send(await createSchedule(db, teamId, request.body, { idempotencyKey }));
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
        params: IdParams,
        response: { 200: Schedule, ...errors },
      },
    },
    (request) => getSchedule(db, request.caller.teamId, request.params.id),
  );

  app.patch(
    '/v1/schedules/:id',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Change, pause or resume a schedule',
        description:
          'A `cron`, `everySeconds` or `at` takes the place of the one before. A new timing and resuming count from now.',
        params: IdParams,
        body: ScheduleUpdate,
        response: { 200: Schedule, ...errors },
      },
    },
    (request) => updateSchedule(db, request.caller.teamId, request.params.id, request.body),
  );

  app.delete(
    '/v1/schedules/:id',
    {
      schema: {
        tags: ['schedules'],
        summary: 'Delete a schedule',
        description: 'Its runs and its conversation stay readable.',
        params: IdParams,
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
        params: IdParams,
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
        params: IdParams,
        querystring: PageQuery,
        response: { 200: pageOf(ScheduleFire), ...errors },
      },
    },
    (request) => listFires(db, request.caller.teamId, request.params.id, request.query),
  );
};
