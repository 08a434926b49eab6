/** What one visitor, and all visitors behind one address, may do in one api process. */
import { DomainError } from '@nightshift/core/errors';
import type { FastifyReply } from 'fastify';
import { createRateLimit, createSeats, type RateLimit, type Seats } from './rate-limit.ts';

const minute = 60_000;
const hour = 60 * minute;

export interface WidgetLimits {
  /** New visitors of an address. An office or a mobile network is one address, too. */
  newVisitors: RateLimit;
  messages: { visitor: RateLimit; address: RateLimit };
  files: { visitor: RateLimit; address: RateLimit };
  /** Sessions that are renewed, streams that are opened, pages of the history. */
  reads: { visitor: RateLimit; address: RateLimit };
  streams: { visitor: Seats; address: Seats };
}

export const createWidgetLimits = (): WidgetLimits => ({
  newVisitors: createRateLimit({ max: 30, windowMs: minute }),
  messages: {
    visitor: createRateLimit({ max: 20, windowMs: minute }),
    address: createRateLimit({ max: 120, windowMs: minute }),
  },
  files: {
    visitor: createRateLimit({ max: 20, windowMs: hour }),
    address: createRateLimit({ max: 60, windowMs: hour }),
  },
  reads: {
    visitor: createRateLimit({ max: 120, windowMs: minute }),
    address: createRateLimit({ max: 600, windowMs: minute }),
  },
  streams: { visitor: createSeats(10), address: createSeats(200) },
});

/** @throws {DomainError} rate_limited, with `Retry-After` on the answer */
export function assertWithin(
  reply: FastifyReply,
  limit: { visitor: RateLimit; address: RateLimit },
  { visitor, address }: { visitor: string; address: string },
  cost = 1,
): void {
  const wait = limit.visitor.take(visitor, cost) ?? limit.address.take(address, cost);
  if (wait !== undefined) throw tooMany(reply, wait);
}

export function tooMany(reply: FastifyReply, seconds: number): DomainError {
  reply.header('retry-after', seconds);
  return new DomainError('rate_limited', `That is too much at once. Try again in ${seconds} s.`);
}
