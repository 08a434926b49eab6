/** Which mails are one conversation, and how an answer joins them: https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4 */
import { cutText } from '@nightshift/contracts';
import type { Address } from '../channel.ts';
import { digest, domainOf, isOwn, type Settings } from './connection.ts';
import type { Mail } from './mail.ts';

export interface Place {
  readonly thread: Address;
  readonly threadKey: string;
  readonly direct: boolean;
  /** It is to us, not only a copy, or answers us. */
  readonly addressed: boolean;
  /** It answers a mail of ours of this very conversation, so what it quotes is known. */
  readonly answersUs: boolean;
}

/** Ours say what they belong to, since some programs keep only the id of the mail they answer. */
const ours = /^<ns\.([0-9a-f]{16})\.([0-9a-f]{8})\.[0-9a-f]{32}@/;

/** How many people an answer goes to, at most. */
export const maxRecipients = 20;

/** How many ids an answer refers to: the oldest, and the newest. */
const maxReferences = 20;

/** `name`: what names the mail where it has no id of its own. `from`: whom it is from. */
export function placeOf(mail: Mail, from: string, settings: Settings, name: string): Place {
  const before = mail.references.length > 0 ? mail.references : mail.inReplyTo ? [mail.inReplyTo] : [];
  const first = before[0] ?? mail.messageId ?? name;
  const answered = ours.exec(mail.inReplyTo ?? mail.references.at(-1) ?? '');
  const root = ours.exec(first)?.[1] ?? digest(first, 16);
  const notUs = (mailbox: string) => !isOwn(mailbox, settings);
  const sender = replyAddress(mail, from);
  const to = unique([sender, ...mail.to.filter(notUs)]).filter((each) => each !== from || each === sender);
  const cc = unique(mail.cc.filter(notUs)).filter((each) => each !== from && !to.includes(each));
  // Whoever knows the id of a mail could otherwise join the conversation, and be told what was said there.
  const threadKey = digest([root, ...unique([from, ...to, ...cc]).sort()].join('\n'));
  const answersUs = answered?.[1] === root && answered[2] === threadKey.slice(0, 8);
  const references = [...before, ...(mail.messageId ? [mail.messageId] : [])];
  return {
    thread: {
      to: to.join(', '),
      ...(cc.length > 0 && { cc: cc.join(', ') }),
      subject: cutText(mail.subject, 500),
      ...(mail.messageId && { messageId: mail.messageId }),
      references: [...references.slice(0, 1), ...references.slice(1).slice(1 - maxReferences)].join(' '),
      root,
      key: threadKey.slice(0, 8),
    },
    threadKey,
    direct:
      to.length === 1 && cc.length === 0 && [...mail.to, ...mail.cc].some((each) => isOwn(each, settings)),
    addressed: answersUs || mail.to.some((each) => isOwn(each, settings)),
    answersUs,
  };
}

const unique = (addresses: readonly string[]): string[] => [...new Set(addresses)];

/** Somebody else's address would make us write to people who have asked for nothing. */
function replyAddress({ replyTo }: Mail, from: string): string {
  const [wanted, ...more] = replyTo;
  return wanted && more.length === 0 && domainOf(wanted) === domainOf(from) ? wanted : from;
}

/** The same for every attempt at the same part, so that a mail which arrives twice can be told to be one. */
export const messageIdFor = (to: Address, idempotencyKey: string, settings: Settings): string =>
  `<ns.${to.root ?? digest(to.to ?? '', 16)}.${to.key ?? digest('', 8)}.${digest(idempotencyKey, 32)}@${domainOf(settings.address)}>`;

/** "Re: " once, whatever programs of other languages have put before. */
export const answerSubject = (subject = ''): string =>
  `Re: ${subject.trim().replace(/^(?:(?:re|aw|sv|antw|rif|r|odp|ynt)(?:\[\d+\])?\s*:\s*)+/i, '')}`.trim();
