/**
 * A mailbox: mails are read with IMAP and answered with SMTP. docs/channels/email.md is for whoever sets one up.
 */
import type { ChannelAdapter } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { download } from './download.ts';
import { probe } from './probe.ts';
import { cursorOwner, receive } from './receive.ts';
import { send, sendFile } from './send.ts';

const mebibyte = 1024 * 1024;

export const email: ChannelAdapter<Credentials, Settings> = {
  kind: 'email',
  capabilities: {
    dialect: 'email',
    // Mails have no limit of their own. More than this is read as a file.
    limit: { max: 200_000, unit: 'utf16' },
    idempotentSend: false,
    edit: null,
    typing: null,
    threads: true,
    // Most servers take mails of 25 MB, as https://support.google.com/mail/answer/6584, in which files are a third larger.
    files: { inMax: 20 * mebibyte, outMax: 18 * mebibyte },
    reactions: false,
    buttons: false,
  },
  credentials: Credentials,
  settings: Settings,
  ownIds: ({ settings }) => [settings.address.toLowerCase()],
  connector: { connect: receive, cursorOwner },
  send,
  sendFile,
  download,
  probe,
};
