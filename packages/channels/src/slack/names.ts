/**
 * What people and rooms are called, which Slack's events do not say: https://docs.slack.dev/reference/methods/users.info,
 * https://docs.slack.dev/reference/methods/conversations.info. An event waits a moment for names that are not known yet;
 * what Slack does not tell within that stays an id, and is not asked for again at each message.
 */
import { createHash } from 'node:crypto';
import type { webApi } from '@slack/bolt';
import { z } from 'zod';
import { type CallContext, ChannelError } from '../channel.ts';
import { nameOf } from '../particulars.ts';
import { call } from './client.ts';
import type { SlackConnection } from './settings.ts';

/** What was asked for, read without asking. */
export interface KnownNames {
  person(id: string): string | null;
  /** `#sales`. A group of direct messages has no name of its own. */
  room(id: string): { readonly name: string | null; readonly isGroup: boolean } | null;
}

export interface Names {
  of(connection: SlackConnection): KnownNames;
  /** Asks for what an event names and is not known. Never fails. */
  learn(payload: unknown, connection: SlackConnection, context: CallContext): Promise<void>;
}

export const noNames: KnownNames = { person: () => null, room: () => null };

interface Entry {
  readonly name: string | null;
  readonly isGroup: boolean;
  /** Milliseconds of the epoch. */
  readonly until: number;
}

type Kind = 'person' | 'room';

/** Slack has to be answered within three seconds: https://docs.slack.dev/apis/events-api#responding */
const patienceMs = 1_000;
const hourMs = 3_600_000;
const minuteMs = 60_000;
const maxKept = 10_000;
/** People who are asked for because of one message. */
const maxPeople = 10;

const id = z.string().regex(/^[A-Z][A-Z0-9]{1,30}$/);
const maybe = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
const Said = z.object({ user: maybe(id), parent_user_id: maybe(id), text: maybe(z.string()) });
const Asked = z.object({
  event: Said.extend({
    type: z.enum(['message', 'app_mention']),
    subtype: maybe(z.string()),
    channel: maybe(id),
    message: maybe(Said),
  }),
});

const requests = {
  person: {
    method: 'users.info',
    ask: async (client: webApi.WebClient, user: string) => {
      const { profile, real_name, name } = (await client.users.info({ user })).user ?? {};
      return {
        name: nameOf(profile?.display_name || profile?.real_name || real_name || name),
        isGroup: false,
      };
    },
  },
  room: {
    method: 'conversations.info',
    ask: async (client: webApi.WebClient, channel: string) => {
      const { name, is_mpim: isGroup = false } = (await client.conversations.info({ channel })).channel ?? {};
      const known = nameOf(name);
      return { name: known === null || isGroup ? null : `#${known}`, isGroup };
    },
  },
} as const;

export function createNames(now: () => number = Date.now): Names {
  const known = new Map<string, Entry>();
  /** Methods that are of no use for now, by account, and until when. */
  const closed = new Map<string, number>();
  const asking = new Map<string, Promise<void>>();

  const accountOf = ({ credentials, settings }: SlackConnection) =>
    createHash('sha256')
      .update(`${settings.apiUrl} ${credentials.botToken}`)
      .digest('base64url')
      .slice(0, 16);

  function keep<T>(kept: Map<string, T>, key: string, value: T): void {
    kept.delete(key);
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
    kept.set(key, value);
  }

  const isKnown = (key: string) => (known.get(key)?.until ?? 0) > now();

  async function ask(kind: Kind, wanted: string, connection: SlackConnection, context: CallContext) {
    const account = accountOf(connection);
    const key = `${account}:${wanted}`;
    const { method, ask: request } = requests[kind];
    const door = `${account}:${method}`;
    if (isKnown(key) || (closed.get(door) ?? 0) > now()) return;
    try {
      const found = await call(method, (client) => request(client, wanted), connection, context);
      keep(known, key, { ...found, until: now() + hourMs });
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      if (error.kind === 'rejected' && !isWithoutScope(error))
        keep(known, key, { name: null, isGroup: false, until: now() + hourMs });
      else keep(closed, door, now() + (isWithoutScope(error) ? hourMs : (error.retryAfterMs ?? minuteMs)));
    }
  }

  /** One question for all who want to know the same at once. */
  function once(kind: Kind, wanted: string, connection: SlackConnection, context: CallContext) {
    const key = `${accountOf(connection)}:${wanted}`;
    const asked =
      asking.get(key) ??
      // What goes wrong in a question must not stop the message that it is asked for.
      ask(kind, wanted, connection, context)
        .catch(() => undefined)
        .finally(() => asking.delete(key));
    asking.set(key, asked);
    return asked;
  }

  return {
    of(connection) {
      const account = accountOf(connection);
      return {
        person: (wanted) => known.get(`${account}:${wanted}`)?.name ?? null,
        room: (wanted) => known.get(`${account}:${wanted}`) ?? null,
      };
    },
    async learn(payload, connection, { fetch, signal }) {
      const asked = Asked.safeParse(payload).data?.event;
      if (!asked) return;
      const said = [asked, asked.message];
      const people = said.flatMap((each) => [
        each?.user,
        each?.parent_user_id,
        ...mentionedIn(each?.text ?? ''),
      ]);
      const within = { fetch, signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) };
      const wanted = [...new Set(people.filter((each) => each !== undefined))].slice(0, maxPeople);
      await Promise.all([
        ...wanted.map((each) => once('person', each, connection, within)),
        // Ids of direct messages begin with D, and those have no name.
        ...(asked.channel && !asked.channel.startsWith('D')
          ? [once('room', asked.channel, connection, within)]
          : []),
      ]);
    },
  };
}

const isWithoutScope = ({ cause }: ChannelError) =>
  (cause as { data?: { error?: unknown } } | undefined)?.data?.error === 'missing_scope';

const mentionedIn = (text: string): string[] =>
  text
    .slice(0, 40_000)
    .matchAll(/<@([A-Z][A-Z0-9]{1,30})>/g)
    .map(([, user]) => user!)
    .take(maxPeople)
    .toArray();
