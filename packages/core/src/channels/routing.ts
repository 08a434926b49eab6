/** Which agent answers. A thread keeps its agent: routes decide for a new one, and a keyword whenever it is said. */
import type { ChannelRoute } from '@nightshift/contracts';

export interface Routed {
  workspace: string | null;
  group: string | null;
  /** Null: nobody vouches for who it is. */
  person: string | null;
  text: string;
}

const firstWord = (text: string) =>
  text
    .trimStart()
    .split(/\s/, 1)[0]!
    .replace(/[:,!.]+$/, '')
    .toLowerCase();

function fits({ when }: ChannelRoute, { workspace, group, person, text }: Routed): boolean {
  return (
    when.command === undefined &&
    (when.workspace === undefined || when.workspace === workspace) &&
    (when.group === undefined || when.group === group) &&
    (when.person === undefined || when.person === person) &&
    (when.keyword === undefined || when.keyword.toLowerCase() === firstWord(text))
  );
}

/** The agent that the message calls by a keyword, whoever answers in its thread; null: it calls none. */
export function calledAgent(routes: readonly ChannelRoute[], message: Routed): string | null {
  return routes.find((route) => route.when.keyword !== undefined && fits(route, message))?.agentId ?? null;
}

/** The agent for a new thread; null: the channel's own. */
export function routedAgent(routes: readonly ChannelRoute[], message: Routed): string | null {
  return routes.find((route) => fits(route, message))?.agentId ?? null;
}
