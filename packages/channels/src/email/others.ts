/** What of a mail others have written: what it answers, and what it passes on. */
import { trimEndOf } from '@nightshift/contracts';
import type { Quote } from '../particulars.ts';
import { isOwn, type Settings } from './connection.ts';
import type { Mail } from './mail.ts';
import { isField } from './text.ts';

const words = (text: string) => new Set(text.split('|'));

/** Of programs in the languages of most of their users. */
const forwardedSubjects = words(
  'fw|fwd|wg|weitergeleitet|tr|rv|rif|i|enc|doorst|vs|vb|vidarebefordrat|pd|iletilen|ilt|przek|пересл|转发|轉寄',
);
const answeredSubjects = words('re|aw|sv|antw|r|odp|ynt|回复|回覆');
const fromNames = words('from|von|de|da|van|från|fra|od|от|kimden|发件人|寄件者|差出人');

/** Above what is passed on, as Gmail, Thunderbird and Apple's Mail write it. */
const separators = words(
  'begin forwarded message|forwarded message|anfang der weitergeleiteten nachricht|weitergeleitete nachricht|' +
    'message transféré|début du message transféré|message transfere|début du message transfere|mensaje reenviado|' +
    'inizio messaggio inoltrato|messaggio inoltrato|doorgestuurd bericht|mensagem encaminhada|пересылаемое сообщение',
);

/** Longer words are none of these. */
const longest = 100;

/** `Name: value`, where a person or a program may have written either colon; null: it is no such line. */
function fieldIn(line: string): { name: string; value: string } | null {
  const at = line.slice(0, longest).search(/[:：]/);
  return at < 0 ? null : { name: line.slice(0, at).trim().toLowerCase(), value: line.slice(at + 1) };
}

const isForwardedSubject = (subject: string) => forwardedSubjects.has(fieldIn(subject)?.name ?? '');

/** Some count the answers: `Re[2]:`. */
const isAnsweredSubject = (subject: string) =>
  answeredSubjects.has((fieldIn(subject)?.name ?? '').replace(/\[\d{1,3}\]$/, ''));

/** Such a line is drawn out with dashes, and may end with a colon. */
const isSeparator = (line: string) =>
  line.length <= longest &&
  separators.has(trimEndOf(line.replace(/[-_]/g, ' ').trim(), ':').trimEnd().toLowerCase());

/** Who wrote what is passed on; null: the line is another one. */
function authorIn(line: string): string | null {
  const field = fieldIn(line);
  if (!field || !fromNames.has(field.name.replaceAll('*', ''))) return null;
  return field.value.replace(/^\*/, '').trim();
}

/** Lines below a separator in which the author may be named. */
const nearby = 8;

/**
 * Whether a mail passes on another one, in its text or as a file, and whose that is.
 * @param files media types of what came with it
 * @returns undefined: it passes on nothing
 */
export function forwardIn(
  { subject }: Pick<Mail, 'subject'>,
  text: string,
  files: readonly string[],
): { from: string | null } | undefined {
  if (isAnsweredSubject(subject)) return undefined;
  const lines = text.split('\n');
  const at = lines.findIndex(isSeparator);
  const isForwarded = at >= 0 || isForwardedSubject(subject);
  if (!isForwarded) return undefined;
  const start = at >= 0 ? at + 1 : lines.findIndex(isHeader);
  // As a file it may stand beside a text that is the sender's own.
  if (start < 0) return files.includes('message/rfc822') || text.trim() === '' ? { from: null } : undefined;
  const from = lines.slice(start, start + nearby).flatMap((line) => authorIn(line) ?? []);
  return { from: from[0] ?? null };
}

/** Where the fields of another mail begin. */
const isHeader = (line: string, at: number, lines: readonly string[]) =>
  authorIn(line) !== null && isField(lines[at + 1]) && isField(lines[at + 2]);

/** @param quote as it stands below the text, with who wrote it */
export function quoteOf({ inReplyTo }: Pick<Mail, 'inReplyTo'>, quote: string, settings: Settings): Quote {
  const lines = quote.split('\n');
  const first = lines.findIndex((line) => line.startsWith('>'));
  const begins = first > 0 ? first : 0;
  const attribution = lines
    .slice(0, begins || nearby)
    .join(' ')
    .slice(0, 500);
  const opens = attribution.indexOf('<');
  const inside = opens < 0 ? '' : attribution.slice(opens + 1).split('>', 1)[0]!;
  const address = inside.includes('@') && !/\s/.test(inside) ? inside : '';
  const before = address === '' ? '' : attribution.slice(0, opens);
  const name = before
    .slice(1 + Math.max(...[',', ':', '：'].map((sign) => before.lastIndexOf(sign))))
    .replace(/^[\d\s]*(?:[ap]\.?m\.?\s)?/i, '')
    .trim();
  return {
    messageId: inReplyTo,
    author: address === '' ? null : { name: name || address, isSelf: isOwn(address.toLowerCase(), settings) },
    text: lines.slice(begins).join('\n').replace(/^> ?/gm, '').trim(),
  };
}
