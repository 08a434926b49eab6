import type { KnownNames } from './names.ts';
import type { EventCallback } from './payload.ts';
import type { SlackConnection } from './settings.ts';

/** By what we are known there, and what is known of others. */
export interface Ours {
  readonly users: ReadonlySet<string>;
  readonly app: string | null;
  readonly names: KnownNames;
}

export function oursOf(
  { authorizations, api_app_id: app }: EventCallback,
  { account }: SlackConnection,
  names: KnownNames,
): Ours {
  const bots = (authorizations ?? []).filter(({ is_bot }) => is_bot);
  const users = [account?.id, ...bots.map(({ user_id }) => user_id)];
  return { users: new Set(users.filter((user) => typeof user === 'string')), app: app ?? null, names };
}
