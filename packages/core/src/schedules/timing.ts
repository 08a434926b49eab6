/** When a schedule's slots are. Nothing here reads a clock or a database. */
import { createHash } from 'node:crypto';
import { invalidField } from '../errors/index.ts';
import { assertCron, CronError, nextCron } from './cron.ts';
import { instantOf, isTimezone } from './wall-clock.ts';

/** Exactly one of cron, everySeconds and at is set. */
export interface Timing {
  cron: string | null;
  everySeconds: number | null;
  at: Date | null;
  timezone: string;
}

/** The first slot after `after`; null when there is none. An interval counts from `after` itself. */
export function nextSlot(timing: Timing, after: Date): Date | null {
  if (timing.cron !== null) return nextCron(timing.cron, timing.timezone, after);
  if (timing.everySeconds !== null) return new Date(after.getTime() + timing.everySeconds * 1000);
  return timing.at && timing.at > after ? timing.at : null;
}

/** The slot `first`, and those after it. */
export function* slotsFrom(timing: Timing, first: Date | null): Generator<Date, void> {
  for (let slot = first; slot; slot = nextSlot(timing, slot)) yield slot;
}

/** The instant of a date and time that may lack an offset, and is then meant in the timezone. */
export function resolveAt(at: string, timezone: string): string {
  if (/(z|[+-]\d\d:?\d\d)$/i.test(at) || !isTimezone(timezone)) return at;
  return instantOf(new Date(`${at}Z`), timezone).toISOString();
}

/** When a slot is taken up: up to `jitterSeconds` after it, for the same schedule and slot always the same. */
export function dueTime(schedule: { id: string; jitterSeconds: number }, slot: Date): Date {
  if (schedule.jitterSeconds === 0) return slot;
  const digest = createHash('sha256').update(`${schedule.id} ${slot.toISOString()}`).digest();
  const share = digest.readUInt32BE() / 2 ** 32;
  return new Date(slot.getTime() + Math.floor(share * schedule.jitterSeconds * 1000));
}

/** Slots to look at for how close they come to each other. */
const gapsToCheck = 10;

/**
 * Checks that slots come, and that the jitter leaves them in order.
 *
 * @returns the first slot after `now`
 * @throws {DomainError} invalid_request, naming the field
 */
export function assertTiming(timing: Timing & { jitterSeconds: number }, now: Date): Date {
  const { cron, everySeconds, at, timezone, jitterSeconds } = timing;
  if ([cron, everySeconds, at].filter((value) => value !== null).length !== 1) {
    throw invalidField('cron', 'give exactly one of cron, everySeconds and at');
  }
  if (!isTimezone(timezone)) {
    throw invalidField(
      'timezone',
      `"${timezone}" is no IANA timezone; use a name such as Europe/Berlin or UTC`,
    );
  }
  if (cron !== null) {
    try {
      assertCron(cron);
    } catch (error) {
      throw error instanceof CronError ? invalidField('cron', error.message) : error;
    }
  }
  const first = nextSlot(timing, now);
  if (!first) {
    throw cron === null
      ? invalidField('at', `${at?.toISOString()} is in the past; it is ${now.toISOString()}`)
      : invalidField('cron', `"${cron}" never fires: no month has such a day`);
  }
  const slots = [...slotsFrom(timing, first).take(gapsToCheck)];
  const gap = Math.min(...slots.slice(1).map((slot, index) => slot.getTime() - slots[index]!.getTime()));
  if (jitterSeconds * 1000 >= gap) {
    throw invalidField('jitterSeconds', `must be less than the ${gap / 1000} s between two slots`);
  }
  return first;
}
