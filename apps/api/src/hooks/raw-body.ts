/** Bodies as bytes: a signature is over what was sent, not over what was understood. */
import type { Readable } from 'node:stream';
import { DomainError } from '@nightshift/core/errors';

/** More than any platform sends at once. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** A stranger's request is not waited for longer, in milliseconds. */
const maxBodyMs = 10_000;

/** @throws {DomainError} body_too_large, request_timeout */
export async function readRawBody(payload: Readable): Promise<Buffer> {
  const timer = setTimeout(
    () => payload.destroy(new DomainError('request_timeout', 'The request took too long to arrive.')),
    maxBodyMs,
  );
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBodyBytes)
        throw new DomainError('body_too_large', `The body is larger than ${maxBodyBytes} bytes.`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}
