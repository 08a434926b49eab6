/** Documents that stay the same while the server runs: made once, compressed once, and sent again only when they are new. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface StaticDocument {
  readonly type: string;
  /** In bytes: what many are sent at once is in memory once. */
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  /** As the header has it. It is weak: compressed and not, the document is the same. */
  readonly etag: string;
}

export function createStaticDocument(type: string, text: string): StaticDocument {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  const plain = Buffer.from(text);
  return { type, plain, gzipped: gzipSync(plain, { level: 9 }), etag: `W/"${hash}"` };
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2: the weak comparison. */
function isKnown(header: string | undefined, etag: string): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return header?.trim() === '*' || (header?.split(',').some((tag) => bare(tag) === bare(etag)) ?? false);
}

/** Answers 304 to who has it already. `cacheControl`: by default it is asked for again each time. */
export function sendStatic(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, plain, gzipped, etag }: StaticDocument,
  cacheControl = 'no-cache',
): FastifyReply {
  reply
    .header('etag', etag)
    .header('cache-control', cacheControl)
    .header('vary', 'accept-encoding')
    .type(type);
  if (isKnown(request.headers['if-none-match'], etag)) return reply.status(304).send();
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(plain);
  return reply.header('content-encoding', 'gzip').send(gzipped);
}
