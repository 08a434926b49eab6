/**
 * Cursors of lists that are ordered by id, newest first. Ids are time-ordered, so an id alone says where a page
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

/** Prisma's arguments for one page. One row more than asked is read, to know whether another page follows. */
export function pageArguments(query: { limit: number; cursor?: string | undefined }) {
  const before = decodeCursor(query.cursor);
  return {
    take: query.limit + 1,
    orderBy: { id: 'desc' },
    ...(before ? { where: { id: { lt: before } } } : {}),
  } as const;
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
