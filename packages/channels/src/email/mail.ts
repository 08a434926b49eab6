/** What the header of a mail says: from whom, to whom, about what, in answer to what. */
import { addressParser, decodeWords, type Mailbox } from 'postal-mime';
import { addresseeList, nameOf } from '../particulars.ts';
import { type Headers, parseHeaders } from './headers.ts';

export interface Mail extends Headers {
  /** Null: none, or several, which honest people do not write. */
  readonly from: Mailbox | null;
  readonly replyTo: readonly string[];
  /** Addresses, in lower case. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  /** Both as people write them: `Ann Lee <ann@example.com>`. */
  readonly addressees: { readonly to: readonly string[]; readonly cc: readonly string[] };
  readonly subject: string;
  /** As `<id@host>`; null: it has none that can be answered. */
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  /** The oldest first. */
  readonly references: readonly string[];
}

/** @throws {HeaderLimitError} */
export function parseMail(beginning: Uint8Array): Mail {
  const headers = parseHeaders(beginning);
  const first = (name: string) => headers.all(name)[0] ?? '';
  const addresses = (name: string) =>
    headers
      .all(name)
      .flatMap((value) => addressParser(value))
      .flatMap((each): readonly Mailbox[] => (each.group ? each.group : [each]));
  const [author, ...others] = addresses('from');
  return {
    all: headers.all,
    from: author && others.length === 0 && isAddress(author.address) ? lowered(author) : null,
    replyTo: valid(addresses('reply-to')),
    to: valid(addresses('to')),
    cc: valid(addresses('cc')),
    addressees: { to: shown(addresses('to')), cc: shown(addresses('cc')) },
    subject: decodeWords(first('subject')).replace(/\s+/g, ' ').trim(),
    messageId: messageIds(first('message-id'))[0] ?? null,
    inReplyTo: messageIds(first('in-reply-to'))[0] ?? null,
    references: messageIds(first('references')),
  };
}

const isAddress = (text: string): boolean => text.length <= 254 && /^[^\s@<>,;]+@[^\s@<>,;]+$/.test(text);

const lowered = ({ name, address }: Mailbox): Mailbox => ({
  name: name.slice(0, 200),
  address: address.toLowerCase(),
});

const valid = (parsed: readonly Mailbox[]): string[] =>
  parsed.filter(({ address }) => isAddress(address)).map(({ address }) => address.toLowerCase());

const shown = (parsed: readonly Mailbox[]): string[] =>
  addresseeList(
    parsed
      .filter(({ address }) => isAddress(address))
      .map(({ name, address }) => (nameOf(name) ? `${nameOf(name)} <${address}>` : address)),
  );

const messageIds = (text: string): string[] => text.match(/<[^<>\s]{1,900}>/g) ?? [];
