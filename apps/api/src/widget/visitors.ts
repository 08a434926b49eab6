/** Who a request is from: the visitor token, and how one is made and renewed. */
import {
  newVisitorId,
  readUserToken,
  readVisitorToken,
  signVisitorToken,
  type Visitor,
} from '@nightshift/channels/web';
import type { WidgetSession } from '@nightshift/contracts';
import { DomainError } from '@nightshift/core/errors';
import type { FastifyRequest } from 'fastify';
import type { Site } from './site.ts';

const refused = (detail: string) => new DomainError('unauthorized', detail);

function presented({ headers }: FastifyRequest): string | undefined {
  const [scheme, value] = (headers.authorization ?? '').split(' ', 2);
  return scheme?.toLowerCase() === 'bearer' ? value : undefined;
}

/** @throws {DomainError} unauthorized */
export function visitorOf(request: FastifyRequest, { channel, credentials }: Site): Visitor {
  const token = presented(request);
  const visitor = token && readVisitorToken(credentials.secret, channel.id, token, Date.now());
  if (!visitor) throw refused('The session is over, or was never one of this chat. Begin another one.');
  return visitor;
}

/** Visitors whom the host page names are told apart from those who are only a browser. */
const userId = (id: string) => `user:${id}`;

/**
 * Whom a session is for: the user that the host page names, else whom the token names that the browser brought, else
 * nobody yet.
 *
 * @throws {DomainError} unauthorized
 */
export async function knownVisitor(
  request: FastifyRequest,
  site: Site,
  userToken: string | undefined,
): Promise<Visitor | null> {
  if (userToken !== undefined) {
    const user = await readUserToken(site.credentials.secret, userToken);
    if (!user) throw refused("The page's user token is not signed with the channel's secret, or is too old.");
    return { id: userId(user.id), name: user.name };
  }
  return presented(request) === undefined ? null : visitorOf(request, site);
}

export const newVisitor = (): Visitor => ({ id: newVisitorId(), name: null });

export function beginSession({ channel, credentials }: Site, visitor: Visitor): WidgetSession {
  const { token, expiresAt } = signVisitorToken(credentials.secret, channel.id, visitor, Date.now());
  return { token, expiresAt: expiresAt.toISOString(), name: visitor.name };
}

/** A visitor's messages are a thread of the channel. */
export const threadOf = ({ channel }: Site, { id }: Visitor) => ({ channelId: channel.id, threadKey: id });

/** How people who run the channel tell visitors apart who have no name. */
export const nameOf = ({ id, name }: Visitor) => name ?? `Visitor ${id.slice(2, 8)}`;
