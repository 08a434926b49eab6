/** Whether the server lets us in, beside the connection that stands already. */
import { randomUUID } from 'node:crypto';
import type { CallContext, ChannelProblem, ProbeResult } from '../channel.ts';
import { isLoopback } from '../sockets.ts';
import type { XmppConnection } from './connection.ts';
import { domainOf, openSession } from './session.ts';

export async function probe(connection: XmppConnection, context: CallContext): Promise<ProbeResult> {
  const { address, host, encryption } = connection.settings;
  const session = await openSession(connection, context, `nightshift-test-${randomUUID()}`);
  await session.close();
  const problems: ChannelProblem[] = [];
  if (encryption === 'none' && !isLoopback(host ?? domainOf(address)))
    problems.push({
      message: 'What is said goes over the network unencrypted.',
      fix: 'Choose STARTTLS in the settings of this channel, unless the server is on this machine.',
    });
  return { account: { id: address, name: address }, problems };
}
