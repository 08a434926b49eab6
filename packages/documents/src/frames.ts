/**
 * What the two processes say to each other, over pipes: two lengths of four bytes each, then a JSON text, then bytes as
 * they are. Unlike with Node's IPC, the length of a message is known, and refused, before anything is allocated for it.
 */
import type { Readable, Writable } from 'node:stream';

export interface Frame {
  readonly json: unknown;
  /** Empty where there are none. */
  readonly data: Uint8Array;
}

const headBytes = 8;

export function writeFrame(stream: Writable, { json, data }: Frame): void {
  const text = Buffer.from(JSON.stringify(json));
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(text.length, 0);
  head.writeUInt32BE(data.length, 4);
  stream.cork();
  stream.write(head);
  stream.write(text);
  if (data.length > 0) stream.write(data);
  stream.uncork();
}

/** Frames as they come, until the stream ends. @throws {FrameTooLargeError} */
export async function* readFrames(
  stream: Readable,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Frame> {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = headBytes;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const buffer = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
      chunks = [buffer];
      const textEnd = headBytes + buffer.readUInt32BE(0);
      const end = textEnd + buffer.readUInt32BE(4);
      if (end > maxBytes) throw new FrameTooLargeError(end);
      wanted = end;
      if (size < end) break;
      yield {
        json: JSON.parse(buffer.toString('utf8', headBytes, textEnd)),
        data: buffer.subarray(textEnd, end),
      };
      chunks = end < size ? [buffer.subarray(end)] : [];
      size -= end;
      wanted = headBytes;
    }
  }
}

export class FrameTooLargeError extends Error {
  override readonly name = 'FrameTooLargeError';
  constructor(bytes: number) {
    super(`A message of ${bytes} bytes is too large.`);
  }
}
