/** Server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

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
 * Also aborts when the server stops: what waits or watches must not hold it up, and can be asked for again.
 */
export function whileServing(reply: FastifyReply): AbortSignal {
  return AbortSignal.any([untilClosed(reply), reply.server.stopping]);
}

/** Answers with a stream of events. What `source` throws before its first event is an ordinary error answer. */
export async function sendSse(
  request: FastifyRequest,
  reply: FastifyReply,
  source: AsyncGenerator<string>,
): Promise<FastifyReply> {
  const first = await source.next();
  async function* all() {
    if (!first.done) yield first.value;
    if (!first.done) yield* withHeartbeat(source);
  }
  const stream = Readable.from(all(), { objectMode: false });
  stream.on('error', (error) => request.log.warn({ err: error }, 'event stream broke off'));
  return reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache, no-transform')
    .header('x-accel-buffering', 'no')
    .send(stream);
}
