/** Whether the network lets us in, under a nick beside the one that is connected already. */
import type { CallContext, ChannelProblem, ProbeResult } from '../channel.ts';
import { isLoopback } from '../sockets.ts';
import type { IrcConnection } from './connection.ts';
import { nickBeside, openSession } from './session.ts';

export async function probe(connection: IrcConnection, context: CallContext): Promise<ProbeResult> {
  const { settings, credentials } = connection;
  const session = await openSession(connection, context, nickBeside(settings.nick));
  const { client } = session;
  const longest = Number(client.network.supports('nicklen'));
  await session.close();
  const problems: ChannelProblem[] = [];
  if (longest && settings.nick.length > longest)
    problems.push({
      message: `The server shortens the nick to ${longest} characters.`,
      fix: 'Choose a shorter nick in the settings of this channel.',
    });
  if (settings.encryption === 'none' && credentials.password !== undefined && !isLoopback(settings.host))
    problems.push({
      message: 'The password goes over the network unencrypted.',
      fix: 'Choose TLS in the settings of this channel, unless the server is on this machine.',
    });
  return { account: { id: null, name: `${settings.nick} on ${settings.host}` }, problems };
}
