/** Who of those that we hear calls itself a program. */
import type { Element } from '@xmpp/client';
import { askInfo } from './disco.ts';
import { bareOf } from './rooms.ts';
import type { XmppSession } from './session.ts';

export interface Bots {
  /** Whether a full address, or an occupant of a room, calls itself a program, as far as is known yet. */
  has(address: string): boolean;
  close(): void;
}

/** Addresses that are remembered at once, and that wait to be asked. */
const maxKnown = 1_000;
const maxWaiting = 200;
/** Questions under way at once. */
const maxAsking = 4;

/**
 * Asks each address once whether it is a program: occupants when they come into a room, others at their first message.
 * Nobody waits for an answer, which may never come.
 */
export function watchForBots(session: XmppSession, isRoom: (address: string) => boolean): Bots {
  /** The oldest first. Undefined: there is no answer yet. */
  const known = new Map<string, boolean | undefined>();
  const waiting: string[] = [];
  let asking = 0;

  function next(): void {
    while (asking < maxAsking && waiting.length > 0) {
      const address = waiting.shift()!;
      asking += 1;
      void askInfo(session, address).then((info) => {
        asking -= 1;
        // Whoever has left meanwhile is forgotten.
        if (known.has(address)) known.set(address, info?.isBot ?? false);
        next();
      });
    }
  }

  function read({ name, attrs: { from = '', type } }: Element): void {
    if (from === '' || type === 'error' || from === session.client.jid?.toString()) return;
    if (name === 'presence' && type === 'unavailable') known.delete(from);
    const isAsked =
      from.includes('/') &&
      ((name === 'presence' && type === undefined && isRoom(bareOf(from))) ||
        (name === 'message' && type !== 'headline'));
    if (!isAsked || known.has(from) || waiting.length >= maxWaiting) return;
    if (known.size >= maxKnown) known.delete(known.keys().next().value!);
    known.set(from, undefined);
    waiting.push(from);
    next();
  }

  const stop = session.listen(read);
  return { has: (address) => known.get(address) === true, close: stop };
}
