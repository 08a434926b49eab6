/** Server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { Readable } from 'node:stream';
import type { DomainError } from '@nightshift/core/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from './deps.ts';
import { type Permit, refusalOf, watchPermit } from './permits.ts';

/** Comments that keep proxies from closing a connection on which nothing happens. */
const heartbeatMs = 15_000;

/** One event as it goes over the wire. `data` must hold no line break. */
export function formatSse(event: { id?: number; event?: string; data: string }): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  const name = event.event === undefined ? '' : `event: ${event.event}\n`;
  return `${id}${name}data: ${event.data}\n\n`;
}

async function* withHeartbeat(source: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    let next = source.next();
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const quiet = new Promise<'quiet'>((resolve) => {
        timer = setTimeout(() => resolve('quiet'), heartbeatMs);
      });
      const result = await Promise.race([next, quiet]);
      clearTimeout(timer);
      if (result === 'quiet') {
        yield ': still here\n\n';
        continue;
      }
      if (result.done) return;
      yield result.value;
      next = source.next();
    }
  } finally {
    await source.return(undefined);
  }
}

/** Aborts when the client goes away before its answer is complete. */
export function untilClosed(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

/**
 * Also aborts when the permit ends by which the client was let in, and when the server stops: what waits or watches must
 * not hold it up, and can be asked for again.
 */
export function whilePermitted(deps: ApiDeps, reply: FastifyReply, permit: Permit): AbortSignal {
  return AbortSignal.any([permitSignal(deps, reply, permit), untilClosed(reply), reply.server.stopping]);
}

/** Aborts when the permit ends, and is watched until the answer is complete. */
export function permitSignal(deps: ApiDeps, reply: FastifyReply, permit: Permit): AbortSignal {
  const { signal, stop } = watchPermit(deps, permit);
  reply.raw.once('close', stop);
  return signal;
}

/** The last event of a stream that its client may not see any more. */
const formatRefusal = ({ code, message }: DomainError) =>
  formatSse({ event: 'error', data: JSON.stringify({ code, message }) });

/** A client that does not read is not waited for longer when its stream ends early, in milliseconds. */
const lastWordMs = 5_000;

/**
 * Answers with a stream of events. What `source` throws before its first event is an ordinary error answer. When `signal`
 * aborts because a permit has ended, nothing more of `source` is sent, but a last event that says why.
 */
export async function sendSse(
  request: FastifyRequest,
  reply: FastifyReply,
  source: AsyncGenerator<string>,
  { signal, lastWord = formatRefusal }: { signal: AbortSignal; lastWord?: (refusal: DomainError) => string },
): Promise<FastifyReply> {
  const first = await source.next();
  async function* permitted() {
    try {
      for (let next = first; !next.done && !refusalOf(signal); next = await source.next()) yield next.value;
    } finally {
      await source.return(undefined);
    }
    const refusal = refusalOf(signal);
    if (refusal) yield lastWord(refusal);
  }
  const stream = Readable.from(withHeartbeat(permitted()), { objectMode: false });
  stream.on('error', (error) => request.log.warn({ err: error }, 'event stream broke off'));
  signal.addEventListener('abort', () => {
    if (refusalOf(signal)) setTimeout(() => reply.raw.destroy(), lastWordMs).unref();
  });
  return reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no')
    .send(stream);
}
