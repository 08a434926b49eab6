/** From a mail to what happened. */
import {
  cutText,
  DocumentError,
  type DocumentReader,
  endOfText,
  type MailContent,
} from '@nightshift/contracts';
import type { IgnoredEvent, InboundAttachment, InboundEvent } from '../channel.ts';
import { nameOf as asName, forwardedFrom, placeNamed, type Quote, textWithQuote } from '../particulars.ts';
import { domainPlace } from '../places.ts';
import { isAuthentic } from './authenticity.ts';
import { automaticReason } from './automatic.ts';
import { digest, domainOf, type Settings } from './connection.ts';
import { HeaderLimitError, headerLimits } from './headers.ts';
import { type Mail, parseMail } from './mail.ts';
import { forwardIn, quoteOf } from './others.ts';
import { authServerOf, isMicrosoft } from './providers.ts';
import { splitQuote, type Written, withoutQuote, withoutSignature } from './text.ts';
import { maxRecipients, type Place, placeOf } from './threading.ts';

/** A mail as the server keeps it. */
export interface StoredMail {
  readonly uid: number;
  /** Of the numbering that the UID belongs to: https://www.rfc-editor.org/rfc/rfc9051#section-2.3.1.1 */
  readonly uidValidity: string;
  /** As the server says it, in bytes. */
  readonly size: number;
  /** Its first bytes; null: it is no longer there. */
  fetch(maxBytes: number): Promise<Uint8Array | null>;
}

/** Base64 makes a third more of a file; no literal that is asked for is larger. */
export const maxMailBytes = 30 * 1024 * 1024;

/** What is read of a mail that is larger. */
const excerptBytes = 512 * 1024;

/**
 * Decides by the header whether anybody is to be answered; only then the rest is fetched, and read in another process.
 * @returns null: the mail is no longer there
 */
export async function toEvent(
  stored: StoredMail,
  settings: Settings,
  documents: DocumentReader,
  signal: AbortSignal,
): Promise<InboundEvent | null> {
  const beginning = await stored.fetch(headerLimits.bytes);
  if (!beginning) return null;
  const decision = decide(beginning, stored, settings);
  if ('type' in decision) return decision;
  const isCut = stored.size > maxMailBytes;
  const isWhole = beginning.length < headerLimits.bytes;
  const raw = isWhole ? beginning : await stored.fetch(isCut ? excerptBytes : maxMailBytes);
  if (!raw) return null;
  try {
    const content = await documents.read('mail', raw, {}, signal);
    return messageOf(decision, content, { stored, settings, isCut });
  } catch (error) {
    if (error instanceof DocumentError) return unreadable(decision, error);
    throw error;
  }
}

/** A mail that is to be answered. */
interface Wanted {
  readonly externalId: string;
  readonly mail: Mail;
  readonly from: NonNullable<Mail['from']>;
  readonly place: Place;
  /** The receiving server vouches for the sender. */
  readonly isVerified: boolean;
}

function decide(
  beginning: Uint8Array,
  { uid, uidValidity }: StoredMail,
  settings: Settings,
): Wanted | IgnoredEvent {
  const name = nameOf(uid, uidValidity);
  let externalId = externalIdOf(name);
  const ignored = (what: string): IgnoredEvent => ({ type: 'ignored', externalId, what });
  try {
    const mail = parseMail(beginning);
    if (mail.messageId) externalId = externalIdOf(mail.messageId);
    const { from } = mail;
    const reason = automaticReason(mail, settings);
    if (reason !== null || !from) return ignored(reason ?? 'no_sender');
    const verified = isVerified(mail, from.address, settings);
    if (settings.senders === 'verified' && !verified) return ignored('sender_not_verified');
    if (mail.to.length + mail.cc.length > maxRecipients) return ignored('too_many_recipients');
    const place = placeOf(mail, from.address, settings, name);
    return { externalId, mail, from, place, isVerified: verified };
  } catch (error) {
    // The address parser is a library's: whatever it stumbles over must not come back for ever.
    return ignored(error instanceof HeaderLimitError ? 'too_large' : 'unreadable');
  }
}

function messageOf(
  { externalId, mail, from, place, isVerified }: Wanted,
  content: MailContent,
  { stored, settings, isCut }: { stored: StoredMail; settings: Settings; isCut: boolean },
): InboundEvent {
  const { thread, threadKey, direct, addressed } = place;
  const isSealed = isEncrypted(mail, content);
  const { text, quote } = isSealed
    ? { text: '', quote: undefined }
    : textOf(mail, content, place, settings, isCut);
  const attachments = isCut || isSealed ? [] : filesOf(content, stored);
  if (text === '' && attachments.length === 0 && !isSealed)
    return { type: 'ignored', externalId, what: 'empty' };
  const forwarded = forwardIn(
    mail,
    content.text,
    content.files.map(({ mediaType }) => mediaType),
  );
  return {
    type: 'message',
    externalId,
    thread,
    threadKey,
    direct,
    addressed,
    group: null,
    workspace: domainOf(from.address),
    where: placeNamed('mail', mail.subject),
    sender: {
      id: from.address,
      // Anybody can write any address into a mail. Whoever is only named so is not answered either: it is not known whom
      // an answer would reach.
      identity: isVerified ? 'account' : 'name',
      place: domainPlace(domainOf(from.address)),
      name: asName(from.name),
      isBot: false,
      isSelf: false,
    },
    ...textWithQuote(text, quote),
    ...(forwarded && { forwarded: forwardedFrom(forwarded.from) }),
    addressees: mail.addressees,
    ...(isSealed && { unsupported: ['encrypted mail'] }),
    attachments,
  };
}

/**
 * By OpenPGP (https://www.rfc-editor.org/rfc/rfc3156#section-4) or S/MIME
 * (https://www.rfc-editor.org/rfc/rfc8551#section-3.2): what is readable of it is not what was written.
 */
function isEncrypted({ all }: Mail, { text }: MailContent): boolean {
  const type = (all('content-type')[0] ?? '').trim().toLowerCase();
  if (type.startsWith('multipart/encrypted')) return true;
  if (/^application\/(?:x-)?pkcs7-mime\b/.test(type)) return !type.includes('signed-data');
  return text.startsWith('-----BEGIN PGP MESSAGE-----');
}

/** The sender was verified, so the team is told what they do not get. */
const unreadable = ({ externalId, mail, from }: Wanted, { code, message }: DocumentError): IgnoredEvent => ({
  type: 'ignored',
  externalId,
  what: code,
  unreadable: { code, message, from: from.address, subject: cutText(mail.subject, 200) },
});

/** A mail that is passed over, since the server has ended or failed each time that it began to read it. */
export const fatalEvent = (uid: number, uidValidity: string, times: number): IgnoredEvent =>
  passedOver(uid, uidValidity, 'fatal', `The server failed ${times} times while it read this mail`);

/** A mail that is passed over, since the mail server does not hand it out. */
export const refusedEvent = (uid: number, uidValidity: string, times: number): IgnoredEvent =>
  passedOver(uid, uidValidity, 'unreadable', `The mail server failed ${times} times to hand out this mail`);

const passedOver = (uid: number, uidValidity: string, code: string, why: string): IgnoredEvent => ({
  type: 'ignored',
  externalId: externalIdOf(nameOf(uid, uidValidity)),
  what: code,
  unreadable: {
    code,
    message: `${why}, so it is passed over. It is number ${uid} of the inbox.`,
    from: null,
    subject: null,
  },
});

const nameOf = (uid: number, uidValidity: string) => `${uidValidity}:${uid}`;

/** By its Message-ID: the same mail has another UID once the server numbers anew, and when it arrives twice. */
const externalIdOf = (name: string): string => `mail:${digest(name)}`;

function isVerified(mail: Mail, from: string, settings: Settings): boolean {
  const authServer = authServerOf(settings);
  if (authServer === undefined) return false;
  // Exchange strips these headers from whatever comes from outside, and checks nothing of what colleagues send:
  // https://learn.microsoft.com/exchange/header-firewall-exchange-2013-help
  if (isMicrosoft(settings) && mail.all('x-ms-exchange-organization-authas')[0]?.trim() === 'Internal')
    return true;
  return isAuthentic(mail.all('authentication-results'), authServer, from);
}

function textOf(
  mail: Mail,
  content: MailContent,
  { answersUs }: Place,
  settings: Settings,
  isCut: boolean,
): { text: string; quote: Quote | undefined } {
  const own = [settings.address, settings.name?.toLowerCase()].filter((each) => each !== undefined);
  const isOurs = (line: string) => own.some((each) => line.toLowerCase().includes(each));
  const answersOthers = !answersUs && (mail.inReplyTo !== null || mail.references.length > 0);
  // What answers us quotes what the conversation has; of what answers others, the quote is not the sender's.
  const split: Written = answersOthers
    ? splitQuote(content.text, (line) => line.includes('@'))
    : { text: answersUs ? withoutQuote(content.text, isOurs) : content.text, quote: '' };
  const quote = split.quote === '' ? undefined : quoteOf(mail, split.quote, settings);
  const written = withoutSignature(split.text);
  // Many put the question into the subject. Commands stand alone.
  const isNew = !answersUs && !written.startsWith('/');
  const note = isCut
    ? '[The mail was too large. Here is its beginning, without its files.]'
    : content.isCut
      ? '[The text of the mail was too long. Here is its beginning.]'
      : '';
  return { text: [note, isNew ? mail.subject : '', written].filter(Boolean).join('\n\n'), quote };
}

const filesOf = ({ files }: MailContent, { uid, uidValidity }: StoredMail): InboundAttachment[] =>
  files.map(({ name, mediaType, bytes }, index) => ({
    name: fileName(name, mediaType, index),
    mediaType,
    bytes,
    source: { uid: String(uid), uidValidity, index: String(index) },
  }));

function fileName(name: string | null, mediaType: string, index: number): string {
  const safe = (name ?? '').replace(/[\p{Cc}/\\]+/gu, '_').trim();
  if (safe !== '') return endOfText(safe, 200);
  return mediaType === 'message/rfc822' ? `mail-${index + 1}.eml` : `file-${index + 1}`;
}
