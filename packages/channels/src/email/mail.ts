/** A mail, read. */
import PostalMime, {
  type Attachment,
  addressParser,
  type Mailbox,
  type Address as ParsedAddress,
} from 'postal-mime';

export interface Mail {
  /** Null: none, or several, which nobody writes who is honest. */
  readonly from: Mailbox | null;
  readonly replyTo: readonly string[];
  /** Addresses, in lower case. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  /** As `<id@host>`; null: it has none that can be answered. */
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  /** The oldest first. */
  readonly references: readonly string[];
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly Attachment[];
  /** The values of a header, topmost first. `name` in lower case. */
  all(name: string): string[];
}

/**
 * @throws {Error} when it is built to be too much: too deeply nested, or all headers
 */
export async function parseMail(raw: Uint8Array): Promise<Mail> {
  const email = await PostalMime.parse(raw, {
    maxNestingDepth: 30,
    maxRfc822NestingDepth: 2,
    maxHeadersSize: 512 * 1024,
  });
  const all = (name: string) => email.headers.filter(({ key }) => key === name).map(({ value }) => value);
  // Of several authors in one header postal-mime gives the first.
  const authors = all('from').flatMap((value) => addressParser(value, { flatten: true }));
  const from = email.from && authors.length === 1 ? flat([email.from]) : [];
  return {
    from: from.length === 1 && isAddress(from[0]!.address) ? lowered(from[0]!) : null,
    replyTo: addresses(email.replyTo),
    to: addresses(email.to),
    cc: addresses(email.cc),
    subject: (email.subject ?? '').replace(/\s+/g, ' ').trim(),
    messageId: messageIds(email.messageId)[0] ?? null,
    inReplyTo: messageIds(email.inReplyTo)[0] ?? null,
    references: messageIds(email.references),
    text: email.text ?? '',
    html: email.html ?? '',
    attachments: email.attachments,
    all,
  };
}

const flat = (parsed: readonly ParsedAddress[]): Mailbox[] =>
  parsed.flatMap((each) => (each.group ? each.group : [each]));

const isAddress = (text: string): boolean => /^[^\s@<>,;]+@[^\s@<>,;]+$/.test(text) && text.length <= 254;

const lowered = ({ name, address }: Mailbox): Mailbox => ({ name, address: address.toLowerCase() });

const addresses = (parsed: readonly ParsedAddress[] = []): string[] =>
  flat(parsed)
    .filter(({ address }) => isAddress(address))
    .map(({ address }) => address.toLowerCase());

const messageIds = (text = ''): string[] => text.match(/<[^<>\s]{1,900}>/g) ?? [];
