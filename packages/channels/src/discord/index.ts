/** Discord: messages come over its gateway, a socket that we open, and go out through its HTTP API. docs/channels/discord.md */
import { type ChannelAdapter, defaultEditThrottle } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { download } from './download.ts';
import { connector } from './gateway.ts';
import { edit, react, send, sendFile, typing } from './outbound.ts';
import { probe } from './probe.ts';

const mebibyte = 1024 * 1024;

export const discord: ChannelAdapter<Credentials, Settings> = {
  kind: 'discord',
  capabilities: {
    dialect: 'discord',
    // "Up to 2000 characters": code points as it seems, which are never more than UTF-16 code units.
    limit: { max: 2_000, unit: 'utf16' },
    idempotentSend: true,
    edit: defaultEditThrottle,
    // https://docs.discord.com/developers/resources/channel#trigger-typing-indicator
    typing: { lastsMs: 10_000 },
    // Only the limit of all requests is written down. The one of a channel is what its answers say (X-RateLimit-Limit), and
    // may change: what an answer asks us to wait counts. https://docs.discord.com/developers/topics/rate-limits
    rates: {
      chat: ['channelId'],
      direct: { messages: 5, perMs: 5_000 },
      group: { messages: 5, perMs: 5_000 },
      connection: { messages: 50, perMs: 1_000 },
      edits: false,
    },
    threads: true,
    // What anybody may upload there; people with Nitro send larger files.
    files: { inMax: 25 * mebibyte, outMax: 10 * mebibyte },
    reactions: true,
    buttons: true,
  },
  credentials: Credentials,
  settings: Settings,
  connector,
  send,
  edit: (part, sent, _to, connection, context) => edit(part, sent, connection, context),
  typing,
  react,
  sendFile,
  download,
  probe,
};
