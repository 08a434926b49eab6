/** What adapters need that open sockets of their own. */
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { type CallContext, ChannelError } from './channel.ts';
import { toChannelError } from './http.ts';

/** Names of this machine: what goes there passes nobody. */
export const isLoopback = (hostname: string) =>
  hostname === 'localhost' || hostname === '::1' || (isIP(hostname) === 4 && hostname.startsWith('127.'));

/**
 * The address to connect to for `hostname`, which may be an address itself. TLS is still told `hostname`.
 * @throws {ChannelError} rejected: sockets may not go there · retry: the name cannot be looked up
 */
export async function resolveHost(
  hostname: string,
  port: number,
  { lookup, signal }: Pick<CallContext, 'lookup' | 'signal'>,
): Promise<string> {
  if (!lookup) throw new ChannelError('rejected', 'No sockets may be opened here.');
  const { promise, resolve, reject } = Promise.withResolvers<LookupAddress[]>();
  const stop = () =>
    reject(new ChannelError('retry', `The name ${hostname} could not be looked up in time.`));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  lookup(hostname, { all: true, port }, (error, addresses) =>
    error ? reject(toChannelError(error)) : resolve(addresses as LookupAddress[]),
  );
  try {
    return (await promise)[0]!.address;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
