/**
 * A platform of the tests that is polled: a queue of messages over HTTP, read by offset as Telegram's is. It answers to
 * one poller at a time and counts who else comes.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelAdapter, ChannelError, type InboundEvent, toChannelError } from '@nightshift/channels';
import { z } from 'zod';
import { createTestChannel } from './test-channel.ts';

const Credentials = z.strictObject({ token: z.string().min(1) });
const Settings = z.strictObject({ url: z.url(), pollUrl: z.url() });

/** Who says it, and where. Default: Ann, to us alone. */
export interface PolledMessage {
  from?: string;
  isBot?: boolean;
  group?: string;
  addressed?: boolean;
  thread?: string;
}

export interface PollPlatform {
  readonly url: string;
  /** Puts a message into the queue. */
  say(text: string, more?: PolledMessage): void;
  /** The offsets that were asked for, in order. */
  readonly offsets: number[];
  /** Refuses this token from now on. */
  revoke(token: string): void;
  /** Answers polls with 500. */
  fail(failing: boolean): void;
  close(): Promise<void>;
}

export async function startPollPlatform(): Promise<PollPlatform> {
  const queue: ({ text: string } & PolledMessage)[] = [];
  const offsets: number[] = [];
  const revoked = new Set<string>();
  let failing = false;
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://platform');
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const offset = Number(url.searchParams.get('offset'));
    offsets.push(offset);
    const status = revoked.has(token) ? 401 : failing ? 500 : 200;
    const messages = queue.slice(offset, offset + 10).map((message, at) => ({ ...message, id: offset + at }));
    response.writeHead(status).end(JSON.stringify(messages));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say: (text, more = {}) => void queue.push({ ...more, text }),
    offsets,
    revoke: (token) => void revoked.add(token),
    fail(now) {
      failing = now;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const pollMs = 50;

/** Reads from `pollUrl`, says things at `url`. */
export function createPollChannel(): ChannelAdapter<z.infer<typeof Credentials>, z.infer<typeof Settings>> {
  const { send, probe, ...channel } = createTestChannel({ idempotentSend: true });
  return {
    ...channel,
    kind: 'test-poll',
    credentials: Credentials,
    settings: Settings,
    send: (part, to, connection, context) => send(part, to, connection, context),
    probe: (connection, context) => probe(connection, context),
    connector: {
      async connect({ credentials, settings }, sink, { fetch, signal, connected }) {
        let offset = Number(sink.cursor ?? 0);
        let stands = false;
        while (!signal.aborted) {
          const response = await fetch(`${settings.pollUrl}/?offset=${offset}`, {
            headers: { authorization: `Bearer ${credentials.token}` },
            signal,
          }).catch((error) => {
            throw toChannelError(error);
          });
          if (response.status === 401) throw new ChannelError('auth', 'The platform refuses the token.');
          if (response.status !== 200) throw new ChannelError('retry', `It answered ${response.status}.`);
          if (!stands) connected();
          stands = true;
          const messages = (await response.json()) as ({ id: number; text: string } & PolledMessage)[];
          const events = messages.map(
            ({ id, text, from = 'ann', isBot = false, group, addressed = false, thread }): InboundEvent => ({
              type: 'message',
              externalId: `message ${id}`,
              thread: { thread: thread ?? group ?? 'poll' },
              threadKey: thread ?? group ?? 'poll',
              direct: group === undefined,
              group: group ?? null,
              addressed,
              sender: { id: from, identity: 'account', name: from, isBot, isSelf: false },
              text,
            }),
          );
          if (events.length > 0) await sink.commit(events, String(offset + events.length));
          offset += events.length;
          await sleep(events.length > 0 ? 0 : pollMs, undefined, { signal }).catch(() => undefined);
        }
      },
    },
  };
}
