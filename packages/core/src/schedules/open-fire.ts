/** From a fire to its run: a message into the schedule's conversation, through the inbox like any other. */
import { type Database, statement } from '../database/index.ts';
import { DomainError } from '../errors/index.ts';
import { type Accepted, acceptReply } from '../inbox/index.ts';
import { conversationNow, type PlaceTarget } from './deliver-place.ts';
import { type FireMessage, fireMessage } from './message.ts';

/** A fire whose run is to be opened. */
export interface DueFire extends FireMessage {
  /** The place of a channel that the answer goes to. */
  place: PlaceTarget | null;
  id: string;
  scheduleId: string;
  teamId: string;
  agentId: string;
  conversationId: string;
  /** Of the request that fires it. Absent: its run begins a trace. */
  traceId?: string;
}

const markFired = statement(
  `UPDATE schedule_fire SET status = 'fired', run_id = $2 WHERE id = $1 AND status = 'due'`,
);

const giveUp = statement(`
  WITH fire AS (
    UPDATE schedule_fire SET status = 'skipped', reason = $2 WHERE id = $1 AND status = 'due' RETURNING schedule_id
  )
  UPDATE schedule s SET status = 'paused', paused_reason = $2, next_at = NULL, due_at = NULL
  FROM fire WHERE s.id = fire.schedule_id AND s.status = 'active'`);

/**
 * Opens the run of a fire. Doing it again, after a crash or by two workers at once, finds the run that is there: the
 * inbox knows the fire by its id.
 *
 * @returns null when the agent or the conversation is gone; the schedule is then paused and says so
 */
export async function openFire(db: Database, fire: DueFire): Promise<Accepted | null> {
  let accepted: Accepted;
  try {
    accepted = await acceptReply(db, {
      teamId: fire.teamId,
      agentId: fire.agentId,
      conversationId: fire.place ? await conversationNow(db, fire, fire.place) : fire.conversationId,
      source: 'schedule',
      scheduleId: fire.scheduleId,
      externalId: fire.id,
      content: [{ type: 'text', text: fireMessage(fire) }],
      trigger: 'schedule',
      traceId: fire.traceId,
    });
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'not_found')) throw error;
    await db.query(giveUp, [fire.id, 'The agent or the conversation was deleted.']);
    return null;
  }
  await db.query(markFired, [fire.id, accepted.runId]);
  return accepted;
}

const unopened = statement<DueFire>(`
  SELECT f.id, f.schedule_id AS "scheduleId", f.fire_at AS "fireAt", f.slots, f.manual, s.name, s.prompt, s.timezone,
    s.team_id AS "teamId", s.agent_id AS "agentId", s.conversation_id AS "conversationId", s.deliver_place AS place
  FROM schedule_fire f JOIN schedule s ON s.id = f.schedule_id
  WHERE f.status = 'due' AND f.created_at < now() - interval '5 seconds'
  ORDER BY f.schedule_id, f.fire_at LIMIT 500`);

/** Fires that somebody took up a while ago and opened no run for: their worker died. */
export const findUnopenedFires = (db: Database): Promise<DueFire[]> => db.query(unopened);
