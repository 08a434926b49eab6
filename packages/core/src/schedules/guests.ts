/** What agents may schedule for guests: anybody can become one, so all of it is bounded. */
import { DomainError, invalidField } from '../errors/index.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { slotsFrom, type Timing } from './timing.ts';

export const guestScheduleLimits = {
  /** Of one guest with one agent, not finished. */
  open: 3,
  /** Of one guest with one agent within 24 hours, deleted and finished ones included. */
  perDay: 10,
  /** Of all guests of one agent, not finished. */
  openOfAll: 200,
  /** The least time between two slots. */
  minSeconds: 3600,
} as const;

/** Slots to look at for how close they come to each other: of a cron, more than an hour can have. */
const slotsToCheck = 61;

const dayMs = 86_400_000;

/** @throws {DomainError} invalid_request when its slots come too often */
export function assertGuestTiming(timing: Timing, first: Date): void {
  const slots = [...slotsFrom(timing, first).take(slotsToCheck)];
  const gaps = slots.slice(1).map((slot, index) => slot.getTime() - slots[index]!.getTime());
  const least = Math.min(...gaps) / 1000;
  const { minSeconds } = guestScheduleLimits;
  if (least < minSeconds)
    throw invalidField(
      timing.cron === null ? 'everySeconds' : 'cron',
      `a schedule for this person comes at most every ${minSeconds} s, and this one comes after ${least} s`,
    );
}

/** With the agent's row locked. @throws {DomainError} conflict */
export async function assertGuestQuota(
  tx: Prisma.TransactionClient,
  agentId: string,
  guestId: string,
  scheduleId: string,
): Promise<void> {
  const { open, perDay, openOfAll } = guestScheduleLimits;
  const others = { agentId, id: { not: scheduleId } };
  const isOpen = { ...others, deletedAt: null, status: { not: 'finished' } } as const;
  const count = (where: Prisma.ScheduleWhereInput) => tx.schedule.count({ where });
  if ((await count({ ...isOpen, guestId })) >= open)
    throw new DomainError(
      'conflict',
      `This person has ${open} schedules, the most there may be: delete one.`,
    );
  const since = new Date(Date.now() - dayMs);
  if ((await count({ ...others, guestId, createdAt: { gt: since } })) >= perDay)
    throw new DomainError('conflict', `${perDay} schedules were made for this person today. Try tomorrow.`);
  if ((await count({ ...isOpen, guestId: { not: null } })) >= openOfAll)
    throw new DomainError('conflict', 'There are too many schedules of guests at the moment. Try later.');
}
