/** Events, commands and buttons as Slack pushes them: https://docs.slack.dev/apis/events-api/using-http-request-urls */
import { createHash } from 'node:crypto';
import { ChannelError, type InboundHook, type RawRequest } from '../channel.ts';
import { readJson } from '../http.ts';
import { toEvents } from './events.ts';
import type { Names } from './names.ts';
import type { Credentials, Settings } from './settings.ts';
import { verifySignature } from './verify.ts';

/** Events are JSON; a command is a form, and a button is JSON in a form. */
function readPayload(request: RawRequest): unknown {
  if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
    return readJson(request);
  const form = new URLSearchParams(Buffer.from(request.body).toString());
  const payload = form.get('payload');
  return payload === null ? Object.fromEntries(form) : readJson({ ...request, body: Buffer.from(payload) });
}

export const createHook = (names: Names): InboundHook<Credentials, Settings> => ({
  async verify(request, connection, { now, ...context }) {
    const verified = verifySignature(request, connection.credentials.signingSecret, now);
    // What is said is looked up once it is believed and before it is read, which asks nobody.
    if (verified.ok) await names.learn(tryPayload(request), connection, context);
    return verified;
  },

  parse(request, connection) {
    const digest = createHash('sha256').update(request.body).digest('hex');
    return toEvents(readPayload(request), connection, names.of(connection), digest);
  },

  answer(request) {
    const payload = readPayload(request);
    if (typeof payload !== 'object' || payload === null) return { status: 200 };
    const { type, challenge } = payload as { type?: unknown; challenge?: unknown };
    if (type !== 'url_verification') return { status: 200 };
    if (typeof challenge !== 'string')
      throw new ChannelError('rejected', 'The verification of the address has no challenge.');
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: challenge };
  },
});

function tryPayload(request: RawRequest): unknown {
  try {
    return readPayload(request);
  } catch {
    // `parse` says what is wrong with it.
    return undefined;
  }
}
