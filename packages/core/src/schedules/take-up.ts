/** What becomes of the slots that are due: the rules of misfire and overlap. Nothing here reads a clock or a database. */
import { dueTime, nextSlot, slotsFrom, type Timing } from './timing.ts';

/** A slot that is taken up later than this after it was due passed unseen: no worker ran. */
const graceMs = 60_000;

/** The most runs that `misfire: all` catches up with. */
const catchUpCap = 100;

/** How far missed slots are counted, where they must be counted one by one. */
const countCap = 1000;

/** How many of the latest due slots are looked at one by one. */
const tailSize = 2 * catchUpCap;

export interface DueSchedule extends Timing {
  id: string;
  misfire: 'skip' | 'once' | 'all';
  overlap: 'skip' | 'queue';
  jitterSeconds: number;
  /** Its next slot. */
  nextAt: Date;
  /** The run of the fire before has not ended. */
  busy: boolean;
}

/** What became of a slot, as the metrics tell it. */
export type FireOutcome = 'fired' | 'caught_up' | 'overlap' | 'missed' | 'agent_deleted';

/** A row of the history, for one slot or for several. */
export interface TakenFire {
  /** The latest slot that it stands for. */
  fireAt: Date;
  outcome: FireOutcome;
  /** For people. */
  reason: string | null;
  slots: number;
}

/** Whether a run is opened for it. */
export const opensRun = (outcome: FireOutcome): boolean => outcome === 'fired' || outcome === 'caught_up';

export interface TakenUp {
  fires: TakenFire[];
  /** The slot to come; null: there is none any more. */
  nextAt: Date | null;
}

/** Slots that are due, in order: `before` of them that are only counted, from `first` on, then `latest`. */
interface DueSlots {
  first: Date;
  before: number;
  latest: Date[];
  /** There are more than were counted. */
  orMore?: boolean;
}

function dueFrom(schedule: DueSchedule, first: Date | null, now: Date, max: number): Date[] {
  const due: Date[] = [];
  for (const slot of slotsFrom(schedule, first)) {
    if (dueTime(schedule, slot) > now || due.length === max) break;
    due.push(slot);
  }
  return due;
}

function findDue(schedule: DueSchedule, now: Date): DueSlots {
  const { nextAt: first, everySeconds } = schedule;
  if (everySeconds !== null) {
    // One of a second has many slots in a night, and needs no counting one by one.
    const step = everySeconds * 1000;
    const before = Math.max(0, Math.floor((now.getTime() - first.getTime()) / step) - tailSize);
    return {
      first,
      before,
      latest: dueFrom(schedule, new Date(first.getTime() + before * step), now, Infinity),
    };
  }
  const slots = dueFrom(schedule, first, now, countCap);
  if (slots.length < countCap) return { first, before: 0, latest: slots };
  for (let backMs = 3_600_000; ; backMs *= 2) {
    const latest = dueFrom(schedule, nextSlot(schedule, new Date(now.getTime() - backMs)), now, Infinity);
    if (latest.length >= tailSize)
      return { first, before: countCap - tailSize, latest: latest.slice(-tailSize), orMore: true };
  }
}

/** One row for several slots that share a fate. */
function oneFire(outcome: FireOutcome, why: string | null, due: DueSlots): TakenFire {
  const { first, before, latest, orMore } = due;
  const slots = before + latest.length;
  const many =
    slots > 1 ? `Stands for ${slots}${orMore ? ' or more' : ''} slots from ${first.toISOString()} on.` : null;
  const reason = [why, many].filter((text) => text !== null).join(' ') || null;
  return { fireAt: latest.at(-1)!, outcome, reason, slots };
}

const noWorker = 'No worker was running at that time.';
const stillGoing = 'The run before had not ended.';

const each = (outcome: FireOutcome, why: string | null, slots: readonly Date[]): TakenFire[] =>
  slots.map((slot) => oneFire(outcome, why, { first: slot, before: 0, latest: [slot] }));

const from = (latest: Date[]): DueSlots => ({ first: latest[0]!, before: 0, latest });

/** Slots that come at their time. Of several at once, the first one's run is still going when the others come. */
function onTimeFires({ overlap, busy }: DueSchedule, slots: Date[]): TakenFire[] {
  if (overlap === 'queue') return each('fired', null, slots);
  const taken = busy ? [] : slots.slice(0, 1);
  const skipped = slots.slice(taken.length);
  return [
    ...each('fired', null, taken),
    ...(skipped.length > 0 ? [oneFire('overlap', stillGoing, from(skipped))] : []),
  ];
}

/** After downtime, the runs that catch up do not count as overlapping each other. */
function catchUpFires(schedule: DueSchedule, due: DueSlots, lateSlots: number): TakenFire[] {
  const { misfire, overlap, busy } = schedule;
  if (busy && overlap === 'skip') return [oneFire('overlap', stillGoing, due)];
  if (misfire === 'once') return [oneFire('caught_up', noWorker, due)];
  const kept = Math.min(lateSlots, catchUpCap);
  const left = due.latest.slice(0, lateSlots - kept);
  return [
    ...(left.length > 0
      ? [
          oneFire('missed', `${noWorker} At most ${catchUpCap} slots are caught up with.`, {
            ...due,
            latest: left,
          }),
        ]
      : []),
    ...each('caught_up', noWorker, due.latest.slice(left.length, lateSlots)),
    ...each('fired', null, due.latest.slice(lateSlots)),
  ];
}

/** Takes up every slot of a schedule that is due at `now`. */
export function takeUp(schedule: DueSchedule, now: Date): TakenUp {
  const due = findDue(schedule, now);
  const last = due.latest.at(-1);
  if (!last) return { fires: [], nextAt: schedule.nextAt };
  const nextAt = nextSlot(schedule, last);
  // Jitter is shorter than the gap between two slots, so they are due in order.
  const onTime = due.latest.filter((slot) => now.getTime() - dueTime(schedule, slot).getTime() <= graceMs);
  const lateSlots = due.latest.length - onTime.length;
  if (lateSlots === 0) return { fires: onTimeFires(schedule, onTime), nextAt };
  if (schedule.misfire !== 'skip') return { fires: catchUpFires(schedule, due, lateSlots), nextAt };
  const missed = oneFire('missed', noWorker, { ...due, latest: due.latest.slice(0, lateSlots) });
  return { fires: [missed, ...onTimeFires(schedule, onTime)], nextAt };
}

/** All slots that are due, skipped for one reason. */
export function skipDue(schedule: DueSchedule, now: Date, outcome: FireOutcome, why: string): TakenFire[] {
  const due = findDue(schedule, now);
  return due.latest.length > 0 ? [oneFire(outcome, why, due)] : [];
}
