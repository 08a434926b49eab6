/** Which agent answers. A thread keeps its agent: routes decide for a new one, and a keyword whenever it is said. */
import type { ChannelRoute } from '@nightshift/contracts';
import { splitFirstWord, trimEndOf } from '@nightshift/contracts/text';

export interface Routed {
  workspace: string | null;
  group: string | null;
  /** Null: nobody vouches for who it is. */
  person: string | null;
  text: string;
}

/** The word that may be a keyword. */
const calledBy = (text: string) => trimEndOf(splitFirstWord(text)[0], ':,!.').toLowerCase();

/** @param word see `calledBy` */
function fits({ when }: ChannelRoute, { workspace, group, person }: Routed, word: string): boolean {
  return (
    when.command === undefined &&
    (when.workspace === undefined || when.workspace === workspace) &&
    (when.group === undefined || when.group === group) &&
    (when.person === undefined || when.person === person) &&
    (when.keyword === undefined || when.keyword.toLowerCase() === word)
  );
}

/** The agent that the message calls by a keyword, whoever answers in its thread; null: it calls none. */
export function calledAgent(routes: readonly ChannelRoute[], message: Routed): string | null {
  const keywords = routes.filter(({ when }) => when.keyword !== undefined);
  if (keywords.length === 0) return null;
  const word = calledBy(message.text);
  return keywords.find((route) => fits(route, message, word))?.agentId ?? null;
}

/** The agent for a new thread; null: the channel's own. */
export function routedAgent(routes: readonly ChannelRoute[], message: Routed): string | null {
  const word = calledBy(message.text);
  return routes.find((route) => fits(route, message, word))?.agentId ?? null;
}
