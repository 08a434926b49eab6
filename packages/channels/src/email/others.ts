/** What of a mail others have written: what it answers, and what it passes on. */
import { trimEndOf } from '@nightshift/contracts';
import type { Quote } from '../particulars.ts';
import { isOwn, type Settings } from './connection.ts';
import type { Mail } from './mail.ts';
import { isField } from './text.ts';

/** Of programs in the languages of most of their users. */
const forwardedSubject =
  /^\s*(?:fwd?|fw|wg|weitergeleitet|tr|rv|rif|i|enc|doorst|vs|vb|vidarebefordrat|pd|iletilen|ilt|przek|пересл|转发|轉寄)\s*:/iu;
const answeredSubject = /^\s*(?:re|aw|sv|antw|r|odp|ynt|回复|回覆)(?:\[\d+\])?\s*:/iu;

/** Above what is passed on, as Gmail, Thunderbird and Apple's Mail write it. */
const separator =
  /^(?:begin forwarded message|forwarded message|anfang der weitergeleiteten nachricht|weitergeleitete nachricht|(?:début du )?message transf\S{1,3}r\S{1,3}|mensaje reenviado|inizio messaggio inoltrato|messaggio inoltrato|doorgestuurd bericht|mensagem encaminhada|пересылаемое сообщение)$/iu;

/** Such a line is drawn out with dashes, and may end with a colon. */
const isSeparator = (line: string) =>
  line.length <= 100 && separator.test(trimEndOf(line.replace(/[-_]/g, ' ').trim(), ':').trimEnd());

const fromField = /^\*?(?:from|von|de|da|van|från|fra|od|от|kimden|发件人|寄件者|差出人)\s?[:：]\*?(.*)$/iu;

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
  if (answeredSubject.test(subject)) return undefined;
  const lines = text.split('\n');
  const at = lines.findIndex(isSeparator);
  const isForwarded = at >= 0 || forwardedSubject.test(subject);
  if (!isForwarded) return undefined;
  const start = at >= 0 ? at + 1 : lines.findIndex(isHeader);
  // As a file it may stand beside a text that is the sender's own.
  if (start < 0) return files.includes('message/rfc822') || text.trim() === '' ? { from: null } : undefined;
  const from = lines
    .slice(start, start + nearby)
    .flatMap((line) => fromField.exec(line.trim())?.[1]?.trim() ?? []);
  return { from: from[0] ?? null };
}

/** Where the fields of another mail begin. */
const isHeader = (line: string, at: number, lines: readonly string[]) =>
  fromField.test(line.trim()) && isField(lines[at + 1]) && isField(lines[at + 2]);

/** @param quote as it stands below the text, with who wrote it */
export function quoteOf({ inReplyTo }: Pick<Mail, 'inReplyTo'>, quote: string, settings: Settings): Quote {
  const lines = quote.split('\n');
  const first = lines.findIndex((line) => line.startsWith('>'));
  const begins = first > 0 ? first : 0;
  const attribution = lines
    .slice(0, begins || nearby)
    .join(' ')
    .slice(0, 500);
  const [, before = '', address = ''] =
    /([^<>]{0,200})<([^<>\s]{1,254}@[^<>\s]{1,254})>/.exec(attribution) ?? [];
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
