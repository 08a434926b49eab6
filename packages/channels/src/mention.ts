import { trimEndOf } from '@nightshift/contracts/text';

/**
 * Mentions on platforms that have them only as words of the text.
 *
 * A name addresses somebody where it stands as people write a salutation: before a colon, comma or other punctuation at
 * the beginning, behind a greeting, after an `@`, or between a comma and the end. Elsewhere it is talked about ("I told
 * Ada yesterday"), which is no mention. Where both can be meant ("Ada knows") a question is taken for one.
 */

export interface Mention {
  readonly addressed: boolean;
  /** Without the name, where that stands at the beginning and only says whom it is for. */
  readonly text: string;
}

/** Nobody is called later than here, however long a text is. In UTF-16 units, from both ends; for an `@` from the first. */
const reach = 2_000;
const taggedReach = 20_000;

const letter = /^[\p{L}\p{M}\p{N}_\-[\]\\`^{|}]/u;
const letterAtEnd = /[\p{L}\p{M}\p{N}_\-[\]\\`^{|}]$/u;
/** Words of these scripts stand without spaces between them, so that a name of another one ends where they begin. */
const unspaced =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const unspacedAtEnd =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u;
/** Titles that are written at a name. */
const title = /^(?:さん|さま|様|先生|くん|君|ちゃん|님|씨)/;
const commas = ',，、،︐';
const stops = ':;.!?…：；。！？؛؟।։';

/** The first word of a text that greets, thanks or asks, before a name. */
const greetings = wordsOf(
  'hi|hello|hey|hiya|yo|thanks|thank you|please|ok|okay|dear|morning|good morning|good afternoon|good evening|good night',
  'hallo|servus|moin|grüezi|danke|bitte|guten morgen|guten tag|guten abend|liebe|lieber|liebes',
  'salut|bonjour|bonsoir|coucou|merci|cher|chère|hola|buenas|buenos días|gracias|por favor|olá|oi|bom dia|obrigado|obrigada',
  'ciao|buongiorno|buonasera|grazie|hej|hei|hoi|dag|tack|tak|takk|bedankt|cześć|dzięki|ahoj|díky|szia|köszi',
  'привет|здравствуй|здравствуйте|спасибо|привіт|дякую|здраво|γεια|γειά σου|ευχαριστώ|merhaba|selam|teşekkürler',
  'مرحبا|أهلا|شكرا|שלום|היי|תודה|नमस्ते|धन्यवाद|你好|您好|谢谢|嗨|こんにちは|おはよう|ありがとう|안녕|안녕하세요|สวัสดี|xin chào|chào|halo|hai',
);

/** Whoever asks whether somebody is there calls them. */
const presence = wordsOf(
  'here|there|around|online|awake|up|alive|listening|da|hier|wach|là|ici|ahí|aquí|aí|aqui|qui|tam|tu|här|her|daar',
  'тут|здесь|там|هنا|פה|כאן|在|在吗|在嗎|いる|います|いますか|있어|있나요',
);

function wordsOf(...lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split('|')));
}

/** Where a name stands in a text. */
interface Place {
  /** Without an `@` at the name. */
  readonly before: string;
  readonly isTagged: boolean;
  readonly after: string;
}

/**
 * Whether a text addresses us. `fold` makes the same of two spellings of one name and keeps their length. Its time grows
 * no faster than the text.
 */
export function readMention(text: string, name: string, fold: (text: string) => string): Mention {
  if (name === '') return { addressed: false, text };
  const folded = fold(name);
  const beginning = fold(text.slice(0, reach));
  for (const place of placesOf(beginning, folded)) {
    const isFirst = place.before.trim() === '';
    const salutation = isFirst ? salutationOf(place, asks(text)) : null;
    if (salutation !== null)
      return { addressed: true, text: text.slice(beginning.length - salutation.length) };
    if (greets(place)) return { addressed: true, text };
    if (place.before.length > longestGreeting) break;
  }
  const isTagged = placesOf(fold(unquoted(text.slice(0, taggedReach))), folded).some(isTag);
  const last = placesOf(fold(text.slice(-reach)), folded)
    .toArray()
    .at(-1);
  const addressed = isTagged || (last !== undefined && (isAskedFor(last) || isCalledAtTheEnd(last)));
  return { addressed, text };
}

function* placesOf(text: string, name: string): Generator<Place, undefined> {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const isTagged = text[at - 1] === '@';
    yield { before: text.slice(0, isTagged ? at - 1 : at), isTagged, after: text.slice(at + name.length) };
  }
}

const withoutTitle = (after: string) => after.replace(title, '');

/** A greeting, its comma, and the white space around. */
const longestGreeting = 100;

/** What follows a name that the text begins with and that only says whom it is for; null: it says more. */
function salutationOf({ isTagged, after }: Place, isQuestion: boolean): string | null {
  const rest = withoutTitle(after);
  const mark = rest.trimStart();
  const said = withoutMarks(mark);
  const isMarked = said.length < mark.length || mark === '';
  // "Ada.example.org" is a domain.
  const isDomain = /^[^\s@]*\.\p{L}/u.test(mark.slice(Math.max(0, mark.length - said.length - 1)));
  if (isMarked && !isDomain) return said.trimStart();
  if (/^[-–—]{1,9}\s/.test(mark)) return mark.replace(/^[-–—]+/, '').trimStart();
  if (isTagged && endsName(rest) && !/^[.@/]\p{L}/u.test(rest)) return mark;
  return isQuestion && !isTagged && /^\s+\S/.test(rest) ? mark : null;
}

function withoutMarks(text: string): string {
  let end = 0;
  while (end < text.length && (commas + stops).includes(text[end]!)) end += 1;
  return text.slice(end);
}

function greets({ before, after }: Place): boolean {
  if (before.length > longestGreeting) return false;
  const greeting = before.trim().toLowerCase();
  if (!greetings.has(greeting) && !greetings.has(trimEndOf(greeting, `${commas}!`))) return false;
  const rest = withoutTitle(after);
  const next = rest.trimStart();
  return (
    next === '' ||
    isIn(commas + stops, next[0]!) ||
    /^(?:[^\S\n]*\n|\s+\p{Extended_Pictographic})/u.test(rest)
  );
}

const isIn = (characters: string, character: string) => characters.includes(character);

/** A name in one of the scripts without spaces may be followed by a letter of it. */
const endsName = (after: string) => !letter.test(after) || unspaced.test(after);

function isTag({ before, isTagged, after }: Place): boolean {
  if (!isTagged || !endsName(after) || /^[.@/]\p{L}/u.test(after)) return false;
  const previous = before.slice(-2);
  return (
    previous === '' ||
    /[\s(（「『"'¿¡]$/.test(previous) ||
    unspacedAtEnd.test(previous) ||
    isIn(commas + stops, previous.at(-1)!)
  );
}

const asks = (text: string) => isIn('?？؟՞;', text.slice(-20).trimEnd().at(-1) ?? ' ');

/** Without the lines that repeat what somebody else said. */
const unquoted = (text: string) => text.replace(/^>.*$/gm, '');

/** "Is Ada here?" */
function isAskedFor({ before, after }: Place): boolean {
  const previous = before.slice(-2);
  if (letterAtEnd.test(previous) && !unspacedAtEnd.test(previous)) return false;
  const asked = after.trimEnd();
  const said = trimEndOf(asked, '?？؟');
  const place = withoutTitle(said)
    .replace(/^[はが]/, '')
    .trim();
  return said.length < asked.length && presence.has(place);
}

/** "What do you think, Ada?", but not "I know Bob, Carol, Ada." */
function isCalledAtTheEnd({ before, after }: Place): boolean {
  const end = withoutTitle(after).trim();
  const sentence = before.trimEnd();
  if (end.length > 3 || trimEndOf(end, stops) !== '' || !isIn(commas, sentence.at(-1) ?? ' ')) return false;
  const clause = lastClauseOf(sentence.slice(0, -1).slice(-300));
  const isList = isIn(commas, sentence.at(-2 - clause.length) ?? ' ');
  const words = clause.trim().split(/\s+/).filter(Boolean).length;
  return !isList || words > 1 || [...clause].some((character) => unspaced.test(character));
}

function lastClauseOf(text: string): string {
  let start = text.length;
  while (start > 0 && !`${commas}${stops}\n`.includes(text[start - 1]!)) start -= 1;
  return text.slice(start);
}
