/** Which pages may ask: those of the origins that the channel names, and our own demo. */
import type { OpenConnection } from '@nightshift/agent';
import type { WebCredentials, WebSettings } from '@nightshift/channels/web';
import type { Database } from '@nightshift/core/database';
import { DomainError } from '@nightshift/core/errors';
import { isVisitorBlocked, type Thread, visitorSignal } from '@nightshift/core/web-chat';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientNetwork } from '../client-network.ts';
import type { HookDirectory } from '../hooks/directory.ts';
import type { Permit } from '../permits.ts';

const closed = () => new DomainError('unavailable', 'This chat is closed at the moment.');

const notFor = (origin = 'nowhere') =>
  new DomainError('forbidden', `This chat is not for pages of ${origin}.`);
export const sessionOver = () =>
  new DomainError('unauthorized', 'The session is over, or was never one of this chat. Begin another one.');
export const blocked = () => new DomainError('forbidden', 'This chat does not answer you.');

/** A chat, as one of its pages has found it. */
export interface Site {
  opened: OpenConnection;
  channel: OpenConnection['channel'];
  credentials: WebCredentials;
  settings: WebSettings;
  /** Of the page. */
  origin: string;
  /** The page is one of ours. */
  isOwn: boolean;
}

const none = () => new DomainError('not_found', 'There is no chat under this key.');

/**
 * Browsers say of each request what page it comes from, and a page cannot lie about it; programs can, so this keeps other
 * sites out, and nobody else. An answer says in its headers which page may read it, also where it is a refusal.
 *
 * @throws {DomainError} not_found, forbidden, unavailable: it is paused
 */
export async function enterSite(
  hooks: HookDirectory,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Site> {
  const { key = '' } = request.params as { key?: string };
  reply.header('vary', 'origin');
  return siteOf(await hooks.find(key, clientNetwork(request.ip)), request, reply);
}

/** As `enterSite`, of a channel that is found already. */
export function siteOf(
  found: OpenConnection | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Site {
  if (found?.channel.kind !== 'web') throw none();
  const { channel, connection } = found;
  const settings = connection.settings as WebSettings;
  const { origin } = request.headers;
  // Browsers leave `Origin` out where a page reads from its own server, and say so in this header, which no script can
  // set; over plain http they send it for this machine alone, so that a rebound name does not pass for us.
  const isOwn = request.headers['sec-fetch-site'] === 'same-origin';
  const isAllowed = origin !== undefined && settings.origins.includes(origin);
  if (!isOwn && !isAllowed) {
    throw notFor(origin);
  }
  if (isAllowed) {
    reply
      .header('access-control-allow-origin', origin)
      .header('access-control-expose-headers', 'retry-after');
  }
  if (channel.status === 'paused' && request.method !== 'OPTIONS') throw closed();
  return {
    opened: found,
    channel,
    credentials: connection.credentials as WebCredentials,
    settings,
    origin: origin ?? 'same-origin',
    isOwn,
  };
}

/**
 * Lasts as long as the chat is what it was when its visitor came: open, for the same pages, under the same secret; and as
 * nobody blocks the visitor.
 */
export function visitorPermit(
  { db, hooks }: { db: Database; hooks: HookDirectory },
  site: Site,
  thread: Thread,
): Permit {
  const { id, hookKey } = site.channel;
  return {
    signals: [
      { topic: 'channel', id },
      { topic: 'identity', id: visitorSignal(thread) },
    ],
    async recheck() {
      const now = await hooks.find(hookKey, null);
      if (now?.channel.id !== id) return none();
      if (now.channel.status === 'paused') return closed();
      const { secret } = now.connection.credentials as WebCredentials;
      if (secret !== site.credentials.secret) return sessionOver();
      const { origins } = now.connection.settings as WebSettings;
      if (!site.isOwn && !origins.includes(site.origin)) return notFor(site.origin);
      if (await isVisitorBlocked(db, thread)) return blocked();
      // What else was changed counts for the rest of the answer.
      site.channel = now.channel;
      return null;
    },
  };
}

/** What a page asks of another origin it asks leave for first. https://fetch.spec.whatwg.org/#cors-preflight-fetch */
export function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply
    .header('access-control-allow-methods', 'GET, POST')
    .header('access-control-allow-headers', 'authorization, content-type, last-event-id')
    .header('access-control-max-age', '600')
    .status(204)
    .send();
}
