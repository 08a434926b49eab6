/** Bodies as bytes, bounded in size and time whatever their headers say. */
import type { Readable } from 'node:stream';
import { DomainError } from '@nightshift/core/errors';
import type { FastifyRequest } from 'fastify';

const tooLarge = (maxBytes: number) =>
  new DomainError('body_too_large', `The body is larger than the limit of ${sizeOf(maxBytes)}.`);

function sizeOf(bytes: number): string {
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${Math.floor(bytes / 1024)} KiB`;
}

/** The size that a request announces, in bytes. Null: it announces none, and comes in chunks. */
export function announcedBytes({ headers }: FastifyRequest): number | null {
  if (headers['transfer-encoding'] !== undefined) return null;
  return Number(headers['content-length'] ?? 0);
}

/** Refuses a body by its header, before a byte of it is read. @throws {DomainError} body_too_large */
export function assertAnnouncedWithin(request: FastifyRequest, maxBytes: number): void {
  if ((announcedBytes(request) ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/** @throws {DomainError} body_too_large, request_timeout */
export async function readBody(
  payload: Readable,
  { maxBytes, maxMs }: { maxBytes: number; maxMs: number },
): Promise<Buffer> {
  const timer = setTimeout(
    () => payload.destroy(new DomainError('request_timeout', 'The request took too long to arrive.')),
    maxMs,
  );
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}
