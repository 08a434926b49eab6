/**
 * What becomes of a body when its request is answered before it was read. A client that is still sending would miss the
 * answer if the connection were cut at once, and could send for ever if it were not: some of it is read and thrown away.
 */
import type { IncomingMessage } from 'node:http';
import fastifyPlugin from 'fastify-plugin';

/** A client that sends more than this after it was answered is cut off. */
const maxBytes = 4 * 1024 * 1024;
/** Or for longer than this, in milliseconds. */
const maxMs = 2_000;
const lookMs = 50;

export const unreadBodies = fastifyPlugin(async (app) => {
  // A client that asks first (Expect: 100-continue) is told to go on only when its body is wanted.
  const asking = new WeakSet<IncomingMessage>();
  app.server.on('checkContinue', (request, response) => {
    asking.add(request);
    app.server.emit('request', request, response);
  });
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (asking.delete(request.raw)) reply.raw.writeContinue();
    done(null, payload);
  });

  app.addHook('onSend', ({ raw, headers }, reply, payload, done) => {
    // Announced as more than would be thrown away, or held back until we ask for it: no next request can follow.
    const isHeldBack = asking.has(raw) || Number(headers['content-length'] ?? 0) > maxBytes;
    if (!raw.complete && isHeldBack) reply.header('connection', 'close');
    done(null, payload);
  });
  // Node reads on and throws away once the answer is finished.
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (!raw.complete && !raw.destroyed) throwAway(raw);
    done();
  });
});

function throwAway(raw: IncomingMessage): void {
  const { socket } = raw;
  const until = { bytes: socket.bytesRead + maxBytes, time: performance.now() + maxMs };
  // What is thrown away makes no event.
  const timer = setInterval(() => {
    const isEnough = socket.bytesRead > until.bytes || performance.now() > until.time;
    if (isEnough && !raw.complete) socket.destroy();
    if (isEnough || raw.complete || socket.destroyed) clearInterval(timer);
  }, lookMs).unref();
}
