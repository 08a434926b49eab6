/** What has to be asked for to understand a dispatch, kept for as long as the connection stands. */
import { z } from 'zod';
import type { CallContext, InboundEvent } from '../channel.ts';
import { callDiscord } from './api.ts';
import type { DiscordConnection } from './connection.ts';
import { type Dispatch, toEvents } from './events.ts';
import { Interaction, isThread, Message } from './payload.ts';
import type { Session } from './session.ts';

const Channel = z.object({ name: z.string().nullish(), parent_id: z.string().nullish() });
type Channel = z.infer<typeof Channel>;
const Roles = z.array(
  z.object({ id: z.string(), tags: z.object({ bot_id: z.string().nullish() }).nullish() }),
);

const timeoutMs = 5_000;
const maxKept = 10_000;
/** Channels are renamed now and then. */
const keptMs = 3_600_000;
/** So long nothing is asked again that was not answered: the messages of meanwhile count all the same. */
const refusedMs = 60_000;

interface Answer<T> {
  /** Undefined: there was none. */
  readonly found: T | undefined;
  /** Milliseconds of the epoch. */
  readonly until: number;
}

export function createSurroundings(connection: DiscordConnection, { fetch, signal }: CallContext) {
  const channels = new Map<string, Answer<Channel>>();
  const roles = new Map<string, Answer<string | null>>();

  async function ask<T>(
    known: Map<string, Answer<T>>,
    path: string,
    read: (json: unknown) => T | undefined,
  ): Promise<T | undefined> {
    const before = known.get(path);
    if (before && before.until > Date.now()) return before.found;
    const context = { fetch, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) };
    const json = await callDiscord({ path }, connection, context).catch(() => undefined);
    if (known.size >= maxKept) known.clear();
    const found = json === undefined ? undefined : read(json);
    known.set(path, { found, until: Date.now() + (found === undefined ? refusedMs : keptMs) });
    return found;
  }

  const channel = (id: string) => ask(channels, `/channels/${id}`, (json) => Channel.safeParse(json).data);

  return {
    async read(dispatch: Dispatch, { selfId, sessionId }: Session): Promise<InboundEvent[]> {
      const { d, t } = dispatch;
      const message = t.startsWith('MESSAGE_') ? Message.safeParse(d).data : undefined;
      const interaction = t === 'INTERACTION_CREATE' ? Interaction.safeParse(d).data : undefined;
      const spot = message ? await whereIs(message) : { parentId: null, roomName: await roomOf(interaction) };
      const roleId = message ? await ownRoleAt(message, selfId) : null;
      return toEvents(dispatch, { self: { id: selfId, roleId }, ...spot, sessionId });
    },
  };

  async function whereIs({ guild_id, channel_id: channelId, channel_type: type }: Message) {
    if (!guild_id) return { parentId: null, roomName: null };
    const at = await channel(channelId);
    if (!isThread(type)) return { parentId: null, roomName: named(at) };
    const parentId = at?.parent_id ?? null;
    return { parentId, roomName: parentId === null ? null : named(await channel(parentId)) };
  }

  /** Of a button in a thread; elsewhere it comes with the name. */
  async function roomOf(interaction: Interaction | undefined): Promise<string | null> {
    const at = interaction?.channel;
    return at?.parent_id && isThread(at.type) ? named(await channel(at.parent_id)) : null;
  }

  // Discord makes a role of the bot's name in every server, and offers both where people write @.
  async function ownRoleAt({ guild_id, mention_roles }: Message, selfId: string): Promise<string | null> {
    if (!guild_id || !mention_roles?.length) return null;
    return (await ask(roles, `/guilds/${guild_id}/roles`, (json) => ownRole(json, selfId))) ?? null;
  }
}

const named = (at: Channel | undefined) => (at?.name ? `#${at.name}` : null);

/** Null: the bot has none there. Undefined: it is no list of roles. */
const ownRole = (json: unknown, selfId: string): string | null | undefined => {
  const roles = Roles.safeParse(json).data;
  return roles && (roles.find(({ tags }) => tags?.bot_id === selfId)?.id ?? null);
};
