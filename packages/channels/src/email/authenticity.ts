/**
 * Whether a mail is from whom it says it is. Anybody can write any From, so the word of the server that received it is
 * taken, which it leaves in a header of its own: https://www.rfc-editor.org/rfc/rfc8601
 */

interface Verdict {
  readonly method: string;
  readonly result: string;
  /** `header.from` → its value, in lower case. */
  readonly properties: ReadonlyMap<string, string>;
}

interface Results {
  /** In lower case. Empty where the server gives no name, as Microsoft does. */
  readonly server: string;
  readonly verdicts: readonly Verdict[];
  /** A quote or a comment does not end, so what belongs to the sender cannot be told from what the server says. */
  readonly isMalformed: boolean;
}

/** One `Authentication-Results` header. What cannot be read is left out. Looks at each character a few times. */
export function parseResults(value: string): Results {
  const { text, isOpen } = withoutComments(value.toLowerCase());
  const [head = '', ...rest] = splitOutsideQuotes(text);
  const isNameless = head.includes('=');
  const verdicts = (isNameless ? [head, ...rest] : rest).flatMap((each) => verdictOf(each) ?? []);
  return {
    server: isNameless ? '' : (head.trim().split(/\s/, 1)[0] ?? ''),
    verdicts: isOpen ? [] : verdicts,
    isMalformed: isOpen,
  };
}

/** `method/version = result name = value …` */
function verdictOf(text: string): Verdict | null {
  const scan = scanner(text);
  const method = scan.take(/[a-z0-9-]+/y);
  if (scan.take(/\//y)) scan.take(/\d+/y);
  if (method === null || scan.take(/=/y) === null) return null;
  const result = scan.take(/[a-z]+/y);
  if (result === null) return null;
  const properties = new Map<string, string>();
  while (!scan.isAtEnd()) {
    const name = scan.take(/[a-z0-9._-]+/y);
    if (name === null) scan.take(/\S/y);
    if (name === null || scan.take(/=/y) === null) continue;
    const value = scan.takeQuoted() ?? scan.take(/\S+/y) ?? '';
    if (name.includes('.')) properties.set(name, value);
  }
  return { method, result, properties };
}

/** Reads a text from the left, and never goes back. Patterns are sticky, and of one class of characters each. */
function scanner(text: string) {
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    skipBlanks();
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [null];
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  const skipBlanks = () => {
    while (at < text.length && /\s/.test(text[at]!)) at += 1;
  };
  return {
    take,
    isAtEnd() {
      skipBlanks();
      return at >= text.length;
    },
    /** What is between quotes, as it stands there; null: no quote begins here. */
    takeQuoted(): string | null {
      skipBlanks();
      if (text[at] !== '"') return null;
      const start = at + 1;
      at = endOfQuote(text, at);
      return text.slice(start, at - 1);
    },
  };
}

/** Behind the quote that begins at a place; beyond the end of the text, where it does not end. */
function endOfQuote(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Comments nest, and may hold anything a sender has chosen. `isOpen`: one of them, or a quote, does not end. */
function withoutComments(text: string): { text: string; isOpen: boolean } {
  const kept: string[] = [];
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    let end = at + 1;
    if (depth > 0 && character === '\\') end += 1;
    else if (depth === 0 && character === '"') end = endOfQuote(text, at);
    if (character === '(') depth += 1;
    else if (character === ')' && depth > 0) depth -= 1;
    else if (depth === 0) kept.push(text.slice(at, end));
    at = end;
  }
  return { text: kept.join(''), isOpen: depth > 0 || at > text.length };
}

function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    if (text[at] === ';') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
    at = text[at] === '"' ? endOfQuote(text, at) : at + 1;
  }
  parts.push(text.slice(start));
  return parts;
}

/** `wanted` may begin with `*.`, for any server of a domain. */
export const isNamed = (server: string, wanted: string): boolean =>
  wanted.startsWith('*.') ? server.endsWith(wanted.slice(1)) : server === wanted;

/** A domain may sign for those below it, never one below for those above: above may be a whole country. */
const speaksFor = (domain: string | undefined, from: string): boolean =>
  domain !== undefined && domain !== '' && (from === domain || from.endsWith(`.${domain}`));

const domainIn = (value: string | undefined) => value?.slice(value.lastIndexOf('@') + 1);

const methods: readonly string[] = ['dmarc', 'dkim', 'spf', 'auth'];

/** Whether a header is of one who has looked at the sender. */
export const saysSomething = ({ verdicts }: Results): boolean =>
  verdicts.some(({ method }) => methods.includes(method));

/**
 * `headers`: the values of `Authentication-Results`, topmost first. Of those with the receiving server's name only the
 * topmost that says anything of senders counts: the sender may have written the ones below. (Fastmail writes several,
 * with what it knows besides above.) `from`: an address in lower case.
 */
export function isAuthentic(headers: readonly string[], authServer: string, from: string): boolean {
  const results = headers
    .map(parseResults)
    .find((each) => isNamed(each.server, authServer) && (each.isMalformed || saysSomething(each)));
  if (!results || results.isMalformed) return false;
  const domain = domainIn(from)!;
  const of = (wanted: string) => results.verdicts.filter(({ method }) => method === wanted);
  const dmarc = of('dmarc');
  if (dmarc.some(({ result }) => result !== 'none')) {
    return dmarc.every(
      ({ result, properties }) => result === 'pass' && (properties.get('header.from') ?? domain) === domain,
    );
  }
  // The domain says nothing of what is to become of forgeries. What DMARC would ask for counts nevertheless.
  const passed = (method: string, ...properties: string[]) =>
    of(method).some(
      (verdict) =>
        verdict.result === 'pass' &&
        properties.some((name) => speaksFor(domainIn(verdict.properties.get(name)), domain)),
    );
  // Sent by somebody who has logged in there: https://www.rfc-editor.org/rfc/rfc8601#section-2.7.4
  const loggedIn = of('auth').some(
    ({ result, properties }) => result === 'pass' && properties.get('smtp.auth') === from,
  );
  return loggedIn || passed('dkim', 'header.d', 'header.i') || passed('spf', 'smtp.mailfrom');
}
