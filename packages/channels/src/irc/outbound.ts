/** What we say on IRC. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, ChannelError, type Part, type SendContext, type SendReceipt } from '../channel.ts';
import type { Outlet } from './connector.ts';
import { notConnected, refusedMessage } from './errors.ts';
import { burst } from './flood.ts';
import { textBytes, toLines } from './lines.ts';

/** A part waits for its turn no longer than this, in milliseconds; then others go first. */
const longestWaitMs = 5_000;

/**
 * Sends a part and waits for the server to have read it: it answers a PING behind the lines, and whatever it has against
 * one of them before.
 */
export async function send(
  { text }: Part,
  { target = '' }: Address,
  { session: outlet, signal }: SendContext,
): Promise<SendReceipt> {
  if (!outlet) throw notConnected();
  const { session, rooms } = outlet as Outlet;
  const { client, flood } = session;
  const fold = (name: string) => client.caseLower(name);
  // Several targets, or a mask of servers, are none that a message came from.
  if (!/^[^\s\0,:$][^\s\0,]*$/.test(target)) throw new ChannelError('rejected', 'It is no target on IRC.');
  const absence = rooms.absence(target);
  if (absence) throw new ChannelError('rejected', `We are not in ${target}: ${absence}.`);
  const lines = toLines(text, textBytes(target, sourceOf(outlet as Outlet)));
  // The question behind them is a line, too.
  const { waitMs, taken } = flood.take(Math.min(lines.length + 1, burst), longestWaitMs);
  if (!taken)
    throw new ChannelError('retry', 'IRC servers take few lines a second, and others wait, too.', {
      retryAfterMs: waitMs - longestWaitMs,
      pauses: 'thread',
    });
  await sleep(waitMs, undefined, { signal }).catch(() => {
    throw new ChannelError('retry', 'Its turn did not come in time.');
  });

  if (!client.connection.connected) throw notConnected();
  const token = randomUUID();
  const answer = Promise.withResolvers<void>();
  let refusal: ChannelError | undefined;
  const stop = session.listen(({ command, params }) => {
    if (command === 'PONG' && params.at(-1) === token)
      return refusal ? answer.reject(refusal) : answer.resolve();
    if (params.slice(1, -1).some((param) => fold(param) === fold(target)))
      refusal ??= refusedMessage(command, target, params.at(-1) ?? '');
  });
  const uncertain = (why: string) => () => answer.reject(new ChannelError('ambiguous', why));
  const late = uncertain('The IRC server did not say in time that it has read the message.');
  signal.addEventListener('abort', late, { once: true });
  const lost = uncertain('The connection to the IRC server ended while it was being sent.');
  session.gone.addEventListener('abort', lost, { once: true });
  try {
    for (const line of lines) client.raw(`PRIVMSG ${target} :${line}`);
    client.raw(`PING :${token}`);
    await answer.promise;
  } finally {
    stop();
    signal.removeEventListener('abort', late);
    session.gone.removeEventListener('abort', lost);
  }
  return { target, lines: lines.length };
}

/** The longest that a server may write of us: https://modern.ircdocs.horse/#userlen-parameter and 63 for a host. */
function sourceOf({ session: { client } }: Outlet) {
  const most = (name: string, usual: number) => {
    const told = Number(client.network.supports(name));
    return Number.isInteger(told) && told > 1 ? told : usual;
  };
  return { nick: client.user.nick, userLength: most('userlen', 12), hostLength: most('hostlen', 63) };
}
