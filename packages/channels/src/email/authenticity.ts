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
}

/** One `Authentication-Results` header. What cannot be read is left out. */
export function parseResults(value: string): Results {
  const [head = '', ...rest] = splitOutsideQuotes(withoutComments(value).toLowerCase());
  const named = !head.includes('=');
  const verdicts = (named ? rest : [head, ...rest]).flatMap((text) => verdictOf(text) ?? []);
  return { server: named ? (head.trim().split(/\s+/)[0] ?? '') : '', verdicts };
}

function verdictOf(text: string): Verdict | null {
  const [, method, result, rest] = /^\s*([a-z0-9-]+)(?:\s*\/\s*\d+)?\s*=\s*([a-z]+)(.*)$/s.exec(text) ?? [];
  if (!method || !result) return null;
  const found = rest!.matchAll(/([a-z]+\.[a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))/g);
  return {
    method,
    result,
    properties: new Map([...found].map(([, name, long, short]) => [name!, long ?? short!])),
  };
}

/** Comments nest, and may hold anything a sender has chosen. */
function withoutComments(text: string): string {
  let depth = 0;
  let quoted = false;
  let kept = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '\\' && (quoted || depth > 0)) {
      if (depth === 0) kept += text.slice(at, at + 2);
      at += 1;
    } else if (character === '"' && depth === 0) {
      quoted = !quoted;
      kept += character;
    } else if (character === '(' && !quoted) depth += 1;
    else if (character === ')' && !quoted && depth > 0) depth -= 1;
    else if (depth === 0) kept += character;
  }
  return kept;
}

const splitOutsideQuotes = (text: string): string[] => text.match(/(?:"(?:[^"\\]|\\.)*"|[^;])+/g) ?? [];

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
    .find((each) => isNamed(each.server, authServer) && saysSomething(each));
  if (!results) return false;
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
