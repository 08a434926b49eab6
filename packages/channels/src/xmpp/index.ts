/** XMPP: one connection to the server of an account, over which messages come and go. docs/channels/xmpp.md */
import { type ChannelAdapter, defaultEditThrottle } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { connector } from './connector.ts';
import { download } from './download.ts';
import { edit, react, send, typing } from './outbound.ts';
import { probe } from './probe.ts';

export const xmpp: ChannelAdapter<Credentials, Settings> = {
  kind: 'xmpp',
  capabilities: {
    dialect: 'xmpp',
    // Every server takes stanzas of 10,000 bytes: https://www.rfc-editor.org/rfc/rfc6120#section-13.12
    limit: { max: 8_000, unit: 'bytes' },
    idempotentSend: false,
    edit: defaultEditThrottle,
    // Clients forget it after about half a minute.
    typing: { lastsMs: 15_000 },
    threads: false,
    files: { inMax: 25 * 1024 * 1024, outMax: null },
    reactions: true,
    buttons: false,
    sendsOverConnection: true,
  },
  credentials: Credentials,
  settings: Settings,
  ownIds: ({ settings }) => [settings.address],
  connector,
  send: (part, to, _connection, context) => send(part, to, context),
  edit: (part, sent, to, _connection, context) => edit(part, sent, to, context),
  typing: (to, _connection, context) => typing(to, context),
  react: (emoji, to, _connection, context) => react(emoji, to, context),
  download: (attachment, _connection, context) => download(attachment, context),
  probe,
};
