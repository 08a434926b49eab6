/** Takes secrets out of text that goes to a log, a row or an answer, in whatever form somebody has echoed them. */
import { trimEndOf } from './text.ts';

export interface Redactor {
  /** From now on it is taken out. Of a JSON document, the strings in it that are secret. */
  learn(secret: string): void;
  /** Time is linear in the length of the text. */
  redact(text: string): string;
  /** The same of a JSON document, which stays one. Other text is taken as it is. */
  redactJson(text: string): string;
}

export interface RedactorOptions {
  /** What stands in the place of a secret. @default '[redacted]' */
  mark?: string;
  /** Shorter secrets are left: of many texts they would take out ordinary words. @default 6 */
  leastLength?: number;
}

/** So much of a secret, anywhere in it, is a secret. */
const gramLength = 8;
/** A secret from this length on that mixes letters and digits is a machine's, of which no part is a word. */
const machineLength = 16;
/** Of longer ones (keys in PEM) this much of each form is known. */
const longest = 2_048;
const maxSecrets = 10_000;
/**
 * Entries that begin alike: more of them would cost time. Parts of machines' secrets say nothing new then; of a password
 * all forms may begin alike, and each counts as a whole only.
 */
const maxAlike = { part: 4, whole: 32 };

/** Members of a key's document that are no secrets: they stand in texts that help people. */
const publicMembers = new Set([
  ...['type', 'project_id', 'client_email', 'client_id', 'auth_uri', 'token_uri', 'universe_domain'],
  ...['auth_provider_x509_cert_url', 'client_x509_cert_url', 'appId'],
]);

interface Form {
  text: string;
  /** The shortest part that counts. */
  least: number;
  /** What stands before it when it is whole, and goes with it: `sk-proj-`. */
  prefix: string;
}

interface Place {
  form: Form;
  at: number;
}

export function createRedactor(
  secrets: Iterable<string> = [],
  { mark = '[redacted]', leastLength = 6 }: RedactorOptions = {},
): Redactor {
  const known = new Set<string>();
  const places = new Map<string, Place[]>();
  const short = new Set<string>();
  /** Which hashes the parts have, so that of a text's parts nearly none has to be looked up. */
  let hashes = new Uint8Array(1 << 16);

  function addGram(form: Form, at: number, most: number): void {
    const gram = form.text.slice(at, at + gramLength);
    const alike = places.get(gram) ?? [];
    if (alike.length < most) places.set(gram, [...alike, { form, at }]);
    if (places.size * 16 > hashes.length) {
      hashes = new Uint8Array(hashes.length * 4);
      for (const each of places.keys()) addHash(each);
    }
    addHash(gram);
  }

  function addHash(gram: string): void {
    let hash = 0;
    for (let index = 0; index < gramLength; index += 1) hash = rolled(hash, gram.charCodeAt(index));
    hashes[hash & (hashes.length - 1)] = 1;
  }

  function addForm(text: string, isMachine: boolean, prefix: string): void {
    if (text.length < gramLength) {
      if (text.length >= leastLength) short.add(text);
      return;
    }
    const form = { text, least: isMachine ? gramLength : text.length, prefix };
    const last = isMachine ? text.length - gramLength : 0;
    for (let at = 0; at <= last; at += 1) addGram(form, at, isMachine ? maxAlike.part : maxAlike.whole);
  }

  function learn(secret: string): void {
    const text = secret.trim();
    if (known.has(text) || text.length < leastLength) return;
    const members = membersOf(text);
    if (members) {
      for (const member of members) learn(member);
      return;
    }
    if (text.includes('\n')) {
      for (const line of text.split('\n')) if (!line.startsWith('-----')) learn(line);
      return;
    }
    if (known.size >= maxSecrets) return;
    known.add(text);
    const isMachine = text.length >= machineLength && /\d/.test(text) && /[a-z]/i.test(text);
    const prefix = isMachine ? prefixOf(text) : '';
    const forms = formsOf(text.slice(prefix.length, prefix.length + longest));
    for (const form of forms) addForm(form, isMachine, prefix);
  }

  /** The longest known part that begins there, with what goes with it; null when none does. */
  function partAt(text: string, from: number): { begin: number; end: number } | null {
    let best: { begin: number; end: number } | null = null;
    for (const { form, at } of places.get(text.slice(from, from + gramLength)) ?? []) {
      let end = gramLength;
      while (at + end < form.text.length && form.text[at + end] === text[from + end]) end += 1;
      if (end < form.least || (best && from + end <= best.end)) continue;
      const isBefore = at === 0 && text.endsWith(form.prefix, from);
      best = { begin: isBefore ? from - form.prefix.length : from, end: from + end };
    }
    return best;
  }

  function withoutKnown(text: string): string {
    if (places.size === 0 || text.length < gramLength) return text;
    let safe = '';
    let copied = 0;
    let hash = 0;
    for (let at = 0; at < text.length; at += 1) {
      hash = rolled(hash, text.charCodeAt(at));
      const from = at - gramLength + 1;
      if (from > 0) hash = (hash - Math.imul(text.charCodeAt(from - 1), oldest)) | 0;
      if (from < copied || hashes[hash & (hashes.length - 1)] === 0) continue;
      const part = partAt(text, from);
      if (!part) continue;
      safe += text.slice(copied, Math.max(copied, part.begin)) + mark;
      copied = part.end;
    }
    return safe + text.slice(copied);
  }

  function redact(text: string): string {
    let safe = withoutKnown(text);
    for (const word of short) safe = safe.replaceAll(word, mark);
    return withoutPatterns(safe, mark);
  }

  function redactJson(text: string): string {
    const safe = redact(text);
    if (safe === text) return text;
    try {
      // What was taken out of the text may have been half of an escape sequence.
      const clean = (_name: string, value: unknown) => (typeof value === 'string' ? redact(value) : value);
      const document = JSON.stringify(JSON.parse(text, clean));
      return redact(document) === document ? document + (text.endsWith('\n') ? '\n' : '') : safe;
    } catch {
      return safe;
    }
  }

  for (const secret of secrets) learn(secret);
  return { learn, redact, redactJson };
}

const base = 16_777_619;
const rolled = (hash: number, code: number) => (Math.imul(hash, base) + code) | 0;
/** What the code that falls out of the window of eight is multiplied with by then. */
const oldest = Array.from({ length: gramLength }).reduce<number>((power) => Math.imul(power, base), 1);

/** The strings of a JSON document that are secret; undefined when the text is none. */
function membersOf(text: string): string[] | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return Object.entries(JSON.parse(text) as object).flatMap(([name, value]) =>
      typeof value === 'string' && !publicMembers.has(name) ? [value] : [],
    );
  } catch {
    return undefined;
  }
}

/** `sk-proj-`, `xoxb-`, `whsec_`: what says whose key it is may be shown, as long as enough is left. */
function prefixOf(secret: string): string {
  const prefix = /^(?:[A-Za-z]{1,6}\d{0,2}[-_]){1,3}/.exec(secret)?.[0] ?? '';
  return secret.length - prefix.length >= machineLength ? prefix : '';
}

const htmlMarks = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** In HTML: programs differ in which quotes they escape, and how. */
function htmlFormsOf(secret: string): string[] {
  const html = secret.replace(/[&<>]/g, (mark) => htmlMarks[mark as keyof typeof htmlMarks]);
  const quoted = html.replaceAll('"', '&quot;');
  return [
    html,
    quoted,
    quoted.replaceAll("'", '&#39;'),
    quoted.replaceAll("'", '&#x27;'),
    html.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
    html.replaceAll('"', '&#34;').replaceAll("'", '&#x27;'),
  ];
}

const codeOf = (letter: string) => letter.charCodeAt(0).toString(16);

/** In JSON: with as few escapes as can be, in ASCII as Python writes it, safe for HTML as Go and PHP do. */
function jsonFormsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const escaped = (letter: string) => `\\u${codeOf(letter).padStart(4, '0')}`;
  const ascii = json.replace(/[^ -~]/g, escaped);
  const safe = ascii.replace(/[<>&']/g, escaped);
  return [json, ascii, safe, json.replace(/[<>&]/g, escaped), json.replaceAll('/', '\\/')];
}

/** In URLs and forms: programs differ in which letters they leave, in the case of the codes, and in blanks. */
function urlFormsOf(secret: string): string[] {
  const text = secret.toWellFormed();
  const inPart = encodeURIComponent(text);
  const strict = inPart.replace(/[!'()*~]/g, (letter) => `%${codeOf(letter).toUpperCase()}`);
  const inForm = new URLSearchParams([['', text]]).toString().slice(1);
  const forms = [
    inPart,
    strict,
    inForm,
    inPart.replaceAll('%20', '+'),
    encodeURI(text),
    encodeURIComponent(inPart),
  ];
  return forms.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

/**
 * The ways in which a text is written down: as it is, in HTML, in a URL, in JSON, also in JSON in JSON, in hexadecimal, in
 * base64 wherever it begins.
 */
function formsOf(secret: string): Set<string> {
  const bytes = new TextEncoder().encode(secret);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const base64 = [0, 1, 2].flatMap((offset) => {
    // What of it no neighbour has a share in.
    const whole = btoa('\0'.repeat(offset) + Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
    const own = whole.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const json = jsonFormsOf(secret);
  return new Set([
    secret,
    ...htmlFormsOf(secret),
    ...urlFormsOf(secret),
    ...json,
    ...json.map((form) => JSON.stringify(form).slice(1, -1)),
    hex,
    hex.toUpperCase(),
    ...base64,
  ]);
}

/**
 * What is a secret by its look, whoever's. Each is linear: it begins at a word that is rare, and no part of it can be
 * matched in two ways.
 */
function withoutPatterns(text: string, mark: string): string {
  return text
    .replace(/\bBasic ([A-Za-z0-9+/_-]{4,}={0,2})/gi, (whole, value: string) =>
      isUserAndPassword(value) ? whole.replace(value, () => mark) : whole,
    )
    .replace(/\b(Bearer )[A-Za-z0-9+/._~-]{16,}=*/gi, (_, scheme: string) => scheme + mark)
    .replace(/\/\/[^\s/@"'<>]{1,500}@(?=[\w[])/g, () => `//${mark}@`)
    .replace(
      /([?&](?:api_?key|key|token|access_token|auth|secret|password|sig|signature)=)[^&\s"'<>#]+/gi,
      (_, name: string) => name + mark,
    )
    .replace(/(\/v1\/hooks\/)[A-Za-z0-9_-]{20,}/g, (_, path: string) => path + mark)
    .replace(
      /(hooks\.slack\.com\/(?:services|workflows|triggers)\/|\/api\/(?:v\d+\/)?webhooks\/\d+\/)[\w/-]+/g,
      (_, path: string) => path + mark,
    )
    .replace(/\b(?:sk|gsk|xai)[-_][A-Za-z0-9_-]{16,}/g, mark)
    .replace(
      /\b(?:pk|rk|hf|key|ns|whsec|xapp|xox[a-z]|gh[a-z]|github_pat|glpat|r8|pplx|nvapi)[-_][A-Za-z0-9_+/=-]{16,}/g,
      (found) => (/\d/.test(found) ? mark : found),
    )
    .replace(/\b(?:AIza[A-Za-z0-9_-]{30,}|AKIA[A-Z0-9]{16}|\d{6,12}:[A-Za-z0-9_-]{30,})/g, mark)
    .replace(/\beyJ[A-Za-z0-9_.-]{20,}/g, (found) => (isToken(found) ? mark : found));
}

/** A JWT: two parts at least, and a signature that may be empty or cut off. */
const isToken = (text: string) => text.split('.').filter((part) => part.length >= 10).length >= 2;

function isUserAndPassword(value: string): boolean {
  const base64 = trimEndOf(value.replaceAll('-', '+').replaceAll('_', '/'), '=');
  // `atob` throws for what is none, which costs more than all the rest.
  return base64.length % 4 !== 1 && atob(base64).includes(':');
}
