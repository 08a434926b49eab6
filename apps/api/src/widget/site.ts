/** Which pages may ask: those of the origins that the channel names, and our own demo. */
import type { OpenConnection } from '@nightshift/agent';
import type { WebCredentials, WebSettings } from '@nightshift/channels/web';
import { DomainError } from '@nightshift/core/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HookDirectory } from '../hooks/directory.ts';

/** A chat, as one of its pages has found it. */
export interface Site {
  channel: OpenConnection['channel'];
  credentials: WebCredentials;
  settings: WebSettings;
  /** Of the page. */
  origin: string;
}

const keyPattern = /^[\w-]{20,64}$/;

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
  const found = keyPattern.test(key) ? await hooks.find(key) : undefined;
  if (found?.channel.kind !== 'web') throw none();
  const { channel, connection } = found;
  const settings = connection.settings as WebSettings;
  const { origin } = request.headers;
  // Browsers leave `Origin` out where a page reads from its own server, and say so in this header, which no script can
  // set; over plain http they send it for this machine alone, so that a rebound name does not pass for us.
  const isOwn = request.headers['sec-fetch-site'] === 'same-origin';
  const isAllowed = origin !== undefined && settings.origins.includes(origin);
  if (!isOwn && !isAllowed) {
    throw new DomainError('forbidden', `This chat is not for pages of ${origin ?? 'nowhere'}.`);
  }
  if (isAllowed) {
    reply
      .header('access-control-allow-origin', origin)
      .header('access-control-expose-headers', 'retry-after');
  }
  if (channel.status === 'paused' && request.method !== 'OPTIONS')
    throw new DomainError('unavailable', 'This chat is closed at the moment.');
  return {
    channel,
    credentials: connection.credentials as WebCredentials,
    settings,
    origin: origin ?? 'same-origin',
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
