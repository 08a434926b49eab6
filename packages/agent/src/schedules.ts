import type { Database } from '@nightshift/core/database';
import { DomainError, notFound } from '@nightshift/core/errors';
import type { ClaimedRun } from '@nightshift/core/runs';
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  resolveAt,
  updateSchedule,
} from '@nightshift/core/schedules';
import { type ScheduleStore, ToolError } from '@nightshift/tools';

const listed = 100;

/** What is wrong with a schedule, and a limit, are the model's to mend. */
async function toldToModel<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof DomainError ? new ToolError(error.message, { cause: error }) : error;
  }
}

/** The schedules of a run's agent, as its tools see them. */
export function scheduleStoreOf(
  db: Database,
  { teamId, agent, lane, guest }: Pick<ClaimedRun, 'teamId' | 'agent' | 'lane' | 'guest'>,
): ScheduleStore {
  const guestId = guest?.id ?? null;

  /** Whoever talks to the agent has its tools; what was set up over the API is not theirs to change. */
  async function getOwn(id: string) {
    const schedule = await getSchedule(db, teamId, id);
    if (schedule.agentId !== agent.id || schedule.guestId !== guestId) throw notFound('schedule');
    if (!schedule.madeByAgent) {
      throw new ToolError(
        'A person made this schedule: only they can change it, over the console, the CLI or the API.',
      );
    }
    return schedule;
  }

  return {
    list: () => listSchedules(db, teamId, { agentId: agent.id, limit: listed }, { guestId }),
    create: ({ here, at, ...schedule }, idempotencyKey) =>
      toldToModel(
        createSchedule(
          db,
          teamId,
          {
            ...schedule,
            agentId: agent.id,
            at: at && resolveAt(at, schedule.timezone),
            misfire: 'once',
            overlap: 'skip',
            jitterSeconds: 0,
            // A conversation of its own would be nobody's.
            deliverTo: here || guest ? { conversationId: lane.conversationId } : null,
          },
          { madeByAgent: true, guestId, idempotencyKey: `run:${idempotencyKey}` },
        ),
      ),
    update: (id, { at, ...change }) =>
      toldToModel(
        getOwn(id).then(({ timezone }) =>
          updateSchedule(db, teamId, id, {
            ...change,
            deliverTo: undefined,
            ...(at && { at: resolveAt(at, change.timezone ?? timezone) }),
          }),
        ),
      ),
    async delete(id) {
      try {
        await getOwn(id);
        await deleteSchedule(db, teamId, id);
        return true;
      } catch (error) {
        if (error instanceof DomainError && error.code === 'not_found') return false;
        throw error;
      }
    },
  };
}
