/** From a mail to what happened. */
import { endOfText } from '@nightshift/contracts';
import type { InboundAttachment, InboundEvent } from '../channel.ts';
import { isAuthentic } from './authenticity.ts';
import { automaticReason } from './automatic.ts';
import { digest, domainOf, type Settings } from './connection.ts';
import { type Mail, parseMail } from './mail.ts';
import { authServerOf, isMicrosoft } from './providers.ts';
import { plainTextOf, withoutQuote, withoutSignature } from './text.ts';
import { maxRecipients, type Place, placeOf } from './threading.ts';

/** A mail as the server keeps it. */
export interface Fetched {
  readonly uid: number;
  /** Of the numbering that the UID belongs to: https://www.rfc-editor.org/rfc/rfc9051#section-2.3.1.1 */
  readonly uidValidity: string;
  readonly raw: Uint8Array;
  /** The mail is longer than may be read: this is its beginning. */
  readonly isCut: boolean;
}

/** More files than anybody sends. Who gets the message counts those that it leaves out. */
const maxFiles = 200;

export async function toEvent(fetched: Fetched, settings: Settings): Promise<InboundEvent> {
  const name = `${fetched.uidValidity}:${fetched.uid}`;
  const ignored = (what: string, mail?: Mail): InboundEvent => ({
    type: 'ignored',
    externalId: externalIdOf(mail, name),
    what,
  });
  let mail: Mail;
  try {
    mail = await parseMail(fetched.raw);
  } catch {
    // Postal-mime throws for what is nested too deeply, and for too many headers.
    return ignored('unreadable');
  }
  const { from } = mail;
  const reason = automaticReason(mail, settings);
  if (reason !== null || !from) return ignored(reason ?? 'no_sender', mail);
  if (settings.senders === 'verified' && !isVerified(mail, from.address, settings))
    return ignored('sender_not_verified', mail);
  const place = placeOf(mail, from.address, settings, name);
  const { thread, threadKey, direct, addressed } = place;
  if (mail.to.length + mail.cc.length > maxRecipients) return ignored('too_many_recipients', mail);
  const text = textOf(mail, place, settings, fetched.isCut);
  const attachments = fetched.isCut ? [] : filesOf(mail, fetched);
  if (text === '' && attachments.length === 0) return ignored('empty', mail);
  return {
    type: 'message',
    externalId: externalIdOf(mail, name),
    thread,
    threadKey,
    direct,
    addressed,
    group: null,
    workspace: domainOf(from.address),
    sender: { id: from.address, name: from.name || null, isBot: false, isSelf: false },
    text,
    attachments,
  };
}

/** The same mail has another UID once the server numbers anew, and when it arrives twice. */
const externalIdOf = (mail: Mail | undefined, name: string): string =>
  `mail:${digest(mail?.messageId ?? name)}`;

function isVerified(mail: Mail, from: string, settings: Settings): boolean {
  const authServer = authServerOf(settings);
  if (authServer === undefined) return false;
  // Exchange strips these headers from whatever comes from outside, and checks nothing of what colleagues send:
  // https://learn.microsoft.com/exchange/header-firewall-exchange-2013-help
  if (isMicrosoft(settings) && mail.all('x-ms-exchange-organization-authas')[0]?.trim() === 'Internal')
    return true;
  return isAuthentic(mail.all('authentication-results'), authServer, from);
}

function textOf(mail: Mail, { answersUs }: Place, settings: Settings, isCut: boolean): string {
  const own = [settings.address, settings.name?.toLowerCase()].filter((each) => each !== undefined);
  const isOurs = (line: string) => own.some((each) => line.toLowerCase().includes(each));
  const whole = plainTextOf(mail);
  const written = withoutSignature(answersUs ? withoutQuote(whole, isOurs) : whole);
  // Many put the question into the subject. Commands stand alone.
  const isNew = !answersUs && !written.startsWith('/');
  const note = isCut ? '[The mail was too large. Here is its beginning, without its files.]' : '';
  return [note, isNew ? mail.subject : '', written].filter(Boolean).join('\n\n');
}

const filesOf = ({ attachments }: Mail, { uid, uidValidity }: Fetched): InboundAttachment[] =>
  attachments.slice(0, maxFiles).map(({ filename, mimeType, content }, index) => ({
    name: nameOf(filename, mimeType, index),
    mediaType: mimeType,
    bytes: typeof content === 'string' ? content.length : content.byteLength,
    source: { uid: String(uid), uidValidity, index: String(index) },
  }));

function nameOf(filename: string | null, mimeType: string, index: number): string {
  const safe = (filename ?? '').replace(/[\p{Cc}/\\]+/gu, '_').trim();
  if (safe !== '') return endOfText(safe, 200);
  return mimeType === 'message/rfc822' ? `mail-${index + 1}.eml` : `file-${index + 1}`;
}
