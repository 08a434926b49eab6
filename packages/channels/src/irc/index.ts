/** IRC: one connection to a network, over which messages come and go. docs/channels/irc.md */
import type { ChannelAdapter } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { connector } from './connector.ts';
import { send } from './outbound.ts';
import { probe } from './probe.ts';

export const irc: ChannelAdapter<Credentials, Settings> = {
  kind: 'irc',
  capabilities: {
    dialect: 'irc',
    // Of our own: few enough lines, also when long ones are cut, to go out within the time of one send.
    limit: { max: 1_000, unit: 'bytes', lines: 5 },
    maxParts: 8,
    idempotentSend: false,
    edit: null,
    typing: null,
    threads: false,
    files: { inMax: null, outMax: null },
    reactions: false,
    buttons: false,
    sendsOverConnection: true,
  },
  credentials: Credentials,
  settings: Settings,
  ownIds: ({ settings: { account, nick } }) => [`account:${(account ?? nick).toLowerCase()}`],
  connector,
  send: (part, to, _connection, context) => send(part, to, context),
  probe,
};
