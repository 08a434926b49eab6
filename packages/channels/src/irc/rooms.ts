/** The channels that we are in. */
import type { IrcMessage } from 'irc-framework';
import { type IrcConnection, roomsOf } from './connection.ts';
import { refusedJoins } from './errors.ts';
import type { IrcSession } from './session.ts';

export interface Rooms {
  /** Why we are not in a channel; null: we are, or nobody told us to be. */
  absence(name: string): string | null;
  close(): void;
}

const joinPatienceMs = 15_000;

/** A channel that let us not in may do so later; a nick that was taken may be free. In milliseconds. */
const againMs = 5 * 60_000;

/** Joins what the settings name, and waits until each channel has taken or refused us. */
export async function joinRooms(
  { client, listen, flood }: IrcSession,
  { settings }: IrcConnection,
  signal: AbortSignal,
): Promise<Rooms> {
  const fold = (name: string) => client.caseLower(name);
  const rooms = new Map(roomsOf(settings).map((room) => [fold(room.name), room]));
  /** Why not, for each that we are not in. */
  const absences = new Map<string, string>();
  const kicked = new Set<string>();
  const settled = Promise.withResolvers<void>();
  const open = new Set(rooms.keys());

  const join = (name: string) => {
    const room = rooms.get(name);
    if (room) client.raw(room.key ? `JOIN ${room.name} ${room.key}` : `JOIN ${room.name}`);
  };
  const settle = (name: string, absence: string | null) => {
    if (absence === null) absences.delete(name);
    else absences.set(name, absence);
    open.delete(name);
    if (open.size === 0) settled.resolve();
  };
  const stop = listen(({ command, params, nick }: IrcMessage) => {
    const isOurs = fold(nick) === fold(client.user.nick);
    const first = fold(params[0] ?? '');
    if (command === 'JOIN' && isOurs) settle(first, null);
    else if (command === 'PART' && isOurs) absences.set(first, 'we have left it');
    else if (command === 'KICK' && fold(params[1] ?? '') === fold(client.user.nick)) {
      absences.set(first, `${nick} kicked us: "${params[2] ?? ''}". Resume this channel to try again`);
      // Whoever kicks us twice means it.
      if (!kicked.has(first)) join(first);
      kicked.add(first);
    } else if (refusedJoins[command] && rooms.has(fold(params[1] ?? ''))) {
      settle(fold(params[1]!), refusedJoins[command]);
    }
  });
  const again = setInterval(() => {
    if (fold(client.user.nick) !== fold(settings.nick) && flood.take(1, 0).taken)
      client.raw(`NICK ${settings.nick}`);
    for (const name of absences.keys()) if (!kicked.has(name) && flood.take(1, 0).taken) join(name);
  }, againMs);
  const close = () => {
    stop();
    clearInterval(again);
  };

  for (const name of rooms.keys()) join(name);
  if (rooms.size === 0) settled.resolve();
  const timer = setTimeout(settled.resolve, joinPatienceMs);
  signal.addEventListener('abort', () => settled.resolve(), { once: true });
  await settled.promise;
  clearTimeout(timer);
  return { absence: (name) => absences.get(fold(name)) ?? null, close };
}
