/** What has to be asked for to understand a dispatch, kept for as long as the connection stands. */
import { z } from 'zod';
import type { CallContext, InboundEvent } from '../channel.ts';
import { callDiscord } from './api.ts';
import type { DiscordConnection } from './connection.ts';
import { type Dispatch, toEvents } from './events.ts';
import { isThread, Message } from './payload.ts';
import type { Session } from './session.ts';

const Channel = z.object({ parent_id: z.string().nullish() });
const Roles = z.array(
  z.object({ id: z.string(), tags: z.object({ bot_id: z.string().nullish() }).nullish() }),
);

const timeoutMs = 5_000;
const maxKept = 10_000;

export function createSurroundings(connection: DiscordConnection, { fetch, signal }: CallContext) {
  const parents = new Map<string, string | null>();
  const roles = new Map<string, string | null>();

  /** Null where it cannot be found out now: the message counts, and the next one asks again. */
  async function ask(
    known: Map<string, string | null>,
    key: string,
    path: string,
    read: (json: unknown) => string | null | undefined,
  ): Promise<string | null> {
    const before = known.get(key);
    if (before !== undefined) return before;
    const context = { fetch, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) };
    const json = await callDiscord({ path }, connection, context).catch(() => undefined);
    if (json === undefined) return null;
    if (known.size >= maxKept) known.clear();
    const found = read(json) ?? null;
    known.set(key, found);
    return found;
  }

  return {
    async read(dispatch: Dispatch, { selfId, sessionId }: Session): Promise<InboundEvent[]> {
      const { parentId, roleId } = await surroundingsOf(Message.safeParse(dispatch.d).data, selfId);
      return toEvents(dispatch, { self: { id: selfId, roleId }, parentId, sessionId });
    },
  };

  async function surroundingsOf(message: Message | undefined, selfId: string) {
    if (!message?.guild_id) return { parentId: null, roleId: null };
    const { channel_id: channelId, guild_id: guildId } = message;
    const parentId = isThread(message.channel_type)
      ? await ask(
          parents,
          channelId,
          `/channels/${channelId}`,
          (json) => Channel.safeParse(json).data?.parent_id,
        )
      : null;
    // Discord makes a role of the bot's name in every server, and offers both where people write @.
    const roleId = message.mention_roles?.length
      ? await ask(roles, guildId, `/guilds/${guildId}/roles`, (json) => ownRole(json, selfId))
      : null;
    return { parentId, roleId };
  }
}

const ownRole = (json: unknown, selfId: string) =>
  Roles.safeParse(json).data?.find(({ tags }) => tags?.bot_id === selfId)?.id;
