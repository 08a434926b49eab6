/** Who a request is from: the visitor token, and how one is made and renewed. */
import {
  newVisitorId,
  readUserToken,
  readVisitorToken,
  signVisitorToken,
  type Visitor,
} from '@nightshift/channels/web';
import type { WidgetSession } from '@nightshift/contracts';
import type { FastifyRequest } from 'fastify';
import type { Site } from './site.ts';

/** The token that a request brings, which need not be one of ours. */
export function presentedToken({ headers }: FastifyRequest): string | undefined {
  const [scheme, value] = (headers.authorization ?? '').split(' ', 2);
  return scheme?.toLowerCase() === 'bearer' ? value : undefined;
}

/** Null: the token is none of this chat, or too old. */
export const readVisitor = ({ channel, credentials }: Site, token: string): Visitor | null =>
  readVisitorToken(credentials.secret, channel.id, token, Date.now());

/** Visitors whom the host page names are told apart from those who are only a browser. Null: the token is not signed. */
export async function readUser({ credentials }: Site, userToken: string): Promise<Visitor | null> {
  const user = await readUserToken(credentials.secret, userToken);
  return user && { id: `user:${user.id}`, name: user.name };
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
