/**
 * Cursors of lists that are ordered by id, that is by when their rows were made. Ids are time-ordered, so an id alone says where a page
 * ended, and rows that come in meanwhile shift nothing.
 */
import type { Page } from '@nightshift/contracts';
import { invalidField } from '../errors/index.ts';

const encode = (id: string) => Buffer.from(id).toString('base64url');

/** @throws {DomainError} invalid_request when the cursor is none of ours */
export function decodeCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const id = Buffer.from(cursor, 'base64url').toString();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw invalidField('cursor', 'is not one that a page returned');
  }
  return id;
}

/** A list's query as code asks it: only `limit` is needed. */
export type Listed<T extends { limit: number }> = Pick<T, 'limit'> & {
  [K in keyof Omit<T, 'limit'>]?: T[K] | undefined;
};

interface PageOptions {
  limit: number;
  cursor?: string | undefined;
  order?: 'asc' | 'desc' | undefined;
  /** RFC 3339: created at that time or later, and before that time. */
  from?: string | undefined;
  to?: string | undefined;
}

/** Prisma's arguments for one page. One row more than asked is read, to know whether another page follows. */
export function pageArguments({ limit, cursor, order = 'desc', from, to }: PageOptions) {
  const after = decodeCursor(cursor);
  const conditions = [
    ...(after ? [{ id: order === 'desc' ? { lt: after } : { gt: after } }] : []),
    ...(from ? [{ createdAt: { gte: new Date(from) } }, { id: { gte: idAround(from, -clockSlackMs) } }] : []),
    ...(to ? [{ createdAt: { lt: new Date(to) } }, { id: { lt: idAround(to, clockSlackMs) } }] : []),
  ];
  return { take: limit + 1, orderBy: { id: order }, where: { AND: conditions } } as const;
}

/** An id holds the time by the clock of whoever made it; `created_at` is the database's. */
const clockSlackMs = 86_400_000;

/** The least id of a time: what an index on ids finds a time range by. */
function idAround(time: string, slackMs: number): string {
  const ms = Math.min(Math.max(new Date(time).getTime() + slackMs, 0), 2 ** 48 - 1);
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

export function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  map: (row: Row) => Item,
): Page<Item> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { data: page.map(map), nextCursor: rows.length > limit && last ? encode(last.id) : null };
}
