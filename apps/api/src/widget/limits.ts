/**
 * What one visitor, and all visitors behind one address (`clientNetwork`), may do in one api process. All but the files of a
 * message is counted before the body of a request is read.
 */
import { rateLimited } from '@nightshift/core/errors';
import { createRateLimit, createSeats, type RateLimit, type Seats } from '../rate-limit.ts';

const minute = 60_000;
const hour = 60 * minute;
const MiB = 1024 * 1024;

export interface WidgetLimits {
  /** New visitors of an address. An office or a mobile network is one address, too. */
  newVisitors: RateLimit;
  /** Sessions that are asked for, whoever they are for. */
  sessions: RateLimit;
  /** Tokens that are none: of visitors, and of users whom a page names. */
  guesses: RateLimit;
  messages: { visitor: RateLimit; address: RateLimit };
  /** Of messages that are larger than text alone needs, in bytes as they are announced. */
  bytes: { visitor: RateLimit; address: RateLimit };
  files: { visitor: RateLimit; address: RateLimit };
  /** Sessions that are renewed, streams that are opened, pages of the history. */
  reads: { visitor: RateLimit; address: RateLimit };
  streams: { visitor: Seats; address: Seats };
}

export const createWidgetLimits = (): WidgetLimits => ({
  newVisitors: createRateLimit({ max: 30, windowMs: minute }),
  sessions: createRateLimit({ max: 600, windowMs: minute }),
  guesses: createRateLimit({ max: 60, windowMs: minute }),
  bytes: {
    visitor: createRateLimit({ max: 64 * MiB, windowMs: hour }),
    address: createRateLimit({ max: 256 * MiB, windowMs: hour }),
  },
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

/** @throws {DomainError} rate_limited */
export function assertWithin(
  limit: { visitor: RateLimit; address: RateLimit },
  { visitor, address }: { visitor: string; address: string },
  cost = 1,
): void {
  assertTaken(limit.visitor.take(visitor, cost) ?? limit.address.take(address, cost));
}

/** @param wait seconds, as a limit answers. @throws {DomainError} rate_limited */
export function assertTaken(wait: number | undefined): void {
  if (wait !== undefined) throw rateLimited(wait, 'That is too much at once.');
}
