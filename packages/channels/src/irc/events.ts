/** From lines of IRC to neutral events: https://modern.ircdocs.horse/#privmsg-message */
import { createHash, randomUUID } from 'node:crypto';
import type { IrcMessage } from 'irc-framework';
import type { InboundEvent, Sender } from '../channel.ts';
import { readMention } from '../mention.ts';
import { nameOf, placeNamed, quotedMessage } from '../particulars.ts';
import { networkPlace } from '../places.ts';
import { type UnsupportedKind, unsupportedField } from '../unsupported.ts';
import { plainText } from './lines.ts';

/** What a line does not say of its surroundings. */
export interface Surroundings {
  /** Our own, as it is now. */
  readonly nick: string;
  /** Of two names that mean the same, one: https://modern.ircdocs.horse/#casemapping-parameter */
  fold(name: string): string;
  isChannel(target: string): boolean;
}

/** Ids of servers are short; a tag may be longer than a kilobyte. */
const maxIdLength = 200;

/** Null: it has nothing to do with a conversation. */
export function toEvent(message: IrcMessage, around: Surroundings): InboundEvent | null {
  const { command, params, nick } = message;
  const [target, said] = params;
  if ((command !== 'PRIVMSG' && command !== 'NOTICE') || !nick || !target || said === undefined) return null;
  const externalId = idOf(message);
  // Programs talk in notices, so that nobody answers them: https://modern.ircdocs.horse/#notice-message
  if (command === 'NOTICE') return { type: 'ignored', externalId, what: 'NOTICE' };
  const isFile = /^\x01DCC SEND /i.test(said);
  const isEncrypted = /^\s*\?OTR/.test(said);
  const spoken = isFile || isEncrypted ? '' : textOf(said, nick);
  if (spoken === null) return { type: 'ignored', externalId, what: 'CTCP' };
  const { fold } = around;
  const channel = around.isChannel(target) ? target : null;
  const sender = senderOf(message, around);
  const { addressed, text } =
    channel === null ? { addressed: true, text: spoken } : readMention(spoken, around.nick, fold);
  const unsupported: UnsupportedKind[] = isFile ? ['file'] : isEncrypted ? ['encrypted message'] : [];
  if (text === '' && unsupported.length === 0) return { type: 'ignored', externalId, what: 'empty message' };
  const answered = message.tags['+draft/reply'] ?? message.tags['+reply'];
  return {
    type: 'message',
    externalId,
    thread: { target: channel ?? nick },
    threadKey: channel === null ? `query:${sender.id}` : fold(channel),
    direct: channel === null,
    group: channel === null ? null : fold(channel),
    where: channel === null ? { kind: 'direct', name: null } : placeNamed('channel', channel),
    sender,
    text,
    addressed,
    // Only which message it answers is told: https://ircv3.net/specs/client-tags/reply
    ...(answered && { quoted: quotedMessage({ messageId: answered.slice(0, maxIdLength), text: '' }) }),
    ...unsupportedField(unsupported),
  };
}

/**
 * An account, where the server tells it, or else what the server says of where somebody is. Anybody may take a nick, and
 * many people share a host: that proves nothing.
 * https://ircv3.net/specs/extensions/account-tag
 */
function senderOf({ nick, ident, hostname, tags }: IrcMessage, { nick: own, fold }: Surroundings): Sender {
  return {
    ...(tags.account
      ? { id: `account:${fold(tags.account)}`, identity: 'account' }
      : {
          id: `${fold(nick)}!${ident}@${hostname.toLowerCase()}`,
          identity: 'name',
          advice:
            'Log in to your account on this network, for instance with /msg NickServ IDENTIFY, and write again.',
        }),
    place: networkPlace(hostname),
    name: nameOf(nick),
    // https://ircv3.net/specs/extensions/bot-mode
    isBot: 'bot' in tags || 'draft/bot' in tags,
    isSelf: fold(nick) === fold(own),
  };
}

/** Null: a question to the client, not a message. https://modern.ircdocs.horse/ctcp */
function textOf(said: string, nick: string): string | null {
  if (!said.startsWith('\x01')) return plainText(said);
  const action = /^\x01ACTION ([^\x01]*)\x01?$/.exec(said)?.[1];
  return action === undefined ? null : `* ${nick} ${plainText(action)}`;
}

/**
 * The server's id of the message, where it gives one, or its time: a bouncer plays the same lines again after each
 * connect. Without either nothing comes twice.
 */
function idOf({ tags, params, prefix, command }: IrcMessage): string {
  if (tags.msgid) return `msgid:${tags.msgid}`;
  if (!tags.time) return randomUUID();
  return createHash('sha256')
    .update(JSON.stringify([tags.time, command, prefix, params]))
    .digest('base64url');
}
