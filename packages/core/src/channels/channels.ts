/** Connections to chat platforms, as rows. What their credentials and settings mean, their adapter knows. */
import { type TextPart, textOf } from '@nightshift/contracts';
import { type Database, newId } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { type KeyEncryptionKey, type Sealed, seal, sealContext, unseal } from '../secrets/index.ts';

export interface NewChannel {
  kind: string;
  name: string;
  /** As the adapter's schema has read them. Null where the platform needs none. */
  credentials: object | null;
  settings: object;
}

/** @returns the channel's id */
export async function createChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  { kind, name, credentials, settings }: NewChannel,
): Promise<string> {
  const id = newId();
  await db.prisma.channel.create({
    data: {
      id,
      teamId,
      kind,
      name,
      settings: settings as Prisma.InputJsonObject,
      ...(credentials && {
        credentials: { ...seal(kek, JSON.stringify(credentials), sealContext(teamId, id, 'credentials')) },
      }),
    },
  });
  return id;
}

/** A channel with its credentials. It must reach no log, no answer and no prompt. */
export interface OpenChannel {
  kind: string;
  credentials: unknown;
  settings: unknown;
}

/** @throws {DomainError} not_found @throws {UnsealError} when the credentials cannot be read */
export async function openChannel(
  db: Database,
  kek: KeyEncryptionKey,
  teamId: string,
  id: string,
): Promise<OpenChannel> {
  const row = await db.prisma.channel.findFirst({ where: { id, teamId } });
  if (!row) throw notFound('channel');
  const credentials = row.credentials as unknown as Sealed | null;
  return {
    kind: row.kind,
    credentials: credentials && JSON.parse(unseal(kek, credentials, sealContext(teamId, id, 'credentials'))),
    settings: row.settings,
  };
}

/** What a delivery to a channel refers to: where its conversation is held there, and what is to be said. */
export async function readChannelMessage(
  db: Database,
  { conversationId, messageId }: { conversationId: string; messageId: string },
): Promise<{ thread: unknown; text: string }> {
  const [conversation, message] = await Promise.all([
    db.prisma.conversation.findUniqueOrThrow({ where: { id: conversationId }, select: { thread: true } }),
    db.prisma.message.findUniqueOrThrow({ where: { id: messageId }, select: { content: true } }),
  ]);
  return { thread: conversation.thread, text: textOf(message.content as TextPart[]) };
}
