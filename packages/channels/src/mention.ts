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

const letter = String.raw`[\p{L}\p{M}\p{N}_\-\[\]\\\x60^{|}]`;
/** Words of these scripts stand without spaces between them, so that a name of another one ends where they begin. */
const unspaced = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`;
/** Titles that are written at a name. */
const title = '(?:さん|さま|様|先生|くん|君|ちゃん|님|씨)';
const comma = '[,，、،︐]';
const stop = '[:;.!?…：；。！？؛؟।։]';

/** The first word of a text that greets, thanks or asks, before a name. */
const greetings = [
  'hi|hello|hey|hiya|yo|thanks|thank you|please|ok|okay|dear|morning|good (?:morning|afternoon|evening|night)',
  'hallo|servus|moin|grüezi|danke|bitte|guten (?:morgen|tag|abend)|liebe[rs]?',
  'salut|bonjour|bonsoir|coucou|merci|cher|chère|hola|buenas|buenos días|gracias|por favor|olá|oi|bom dia|obrigad[oa]',
  'ciao|buongiorno|buonasera|grazie|hej|hei|hoi|dag|tack|tak|takk|bedankt|cześć|hej|dzięki|ahoj|díky|szia|köszi|salut',
  'привет|здравствуй|здравствуйте|спасибо|привіт|дякую|здраво|γεια|γειά σου|ευχαριστώ|merhaba|selam|teşekkürler',
  'مرحبا|أهلا|شكرا|שלום|היי|תודה|नमस्ते|धन्यवाद|你好|您好|谢谢|嗨|こんにちは|おはよう|ありがとう|안녕|안녕하세요|สวัสดี|xin chào|chào|halo|hai',
].join('|');

/** Whoever asks whether somebody is there calls them. */
const presence = [
  'here|there|around|online|awake|up|alive|listening|da|hier|wach|là|ici|ahí|aquí|aí|aqui|qui|tam|tu|här|her|daar',
  'тут|здесь|там|هنا|פה|כאן|在|在吗|在嗎|いる|います|いますか|있어|있나요',
].join('|');

/**
 * Whether a text addresses us. `fold` makes the same of two spellings of one name and keeps their length. Its time grows
 * no faster than the text.
 */
export function readMention(text: string, name: string, fold: (text: string) => string): Mention {
  if (name === '') return { addressed: false, text };
  const escaped = fold(name).replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  // A name in one of the scripts without spaces may be followed by a letter of it.
  const end = `(?:(?!${letter})|(?=${unspaced}))`;
  const called = `@?${escaped}${title}?`;
  const beginning = fold(text.slice(0, reach));

  const salutation = new RegExp(
    String.raw`^\s*(?:${called}\s*(?:(?:${comma}|${stop})+\s*|[-–—]+\s+|$)|@${escaped}${title}?${end}\s*)`,
    'u',
  ).exec(beginning)?.[0];
  if (salutation !== undefined && !/^[^\s@]*\.\p{L}/u.test(beginning.slice(salutation.trimEnd().length - 1)))
    return { addressed: true, text: text.slice(salutation.length) };

  const isGreeted = new RegExp(
    String.raw`^\s*(?:${greetings})(?:${comma}|!)?\s*${called}(?:\s*(?:${comma}|${stop}|$|\n)|\s+\p{Extended_Pictographic})`,
    'iu',
  ).test(beginning);
  if (isGreeted) return { addressed: true, text };

  if (new RegExp(String.raw`^\s*${escaped}${title}?\s+\S`, 'u').test(beginning) && asks(text)) {
    const whom = new RegExp(String.raw`^\s*${escaped}${title}?\s+`, 'u').exec(beginning)![0];
    return { addressed: true, text: text.slice(whom.length) };
  }

  const isTagged = new RegExp(
    String.raw`(?:^|[\s(（「『"'¿¡]|${unspaced}|${comma}|${stop})@${escaped}${end}(?![.@/]\p{L})`,
    'u',
  ).test(fold(unquoted(text.slice(0, taggedReach))));
  const ending = fold(text.slice(-reach));
  const isAskedFor = new RegExp(
    String.raw`(?:(?<!${letter})|(?<=${unspaced}))@?${escaped}${title}?(?:は|が)?\s*(?:${presence})\s*[?？؟]+\s*$`,
    'u',
  ).test(ending);
  return { addressed: isTagged || isAskedFor || isCalledAtTheEnd(ending, escaped), text };
}

const asks = (text: string) => /[?？؟՞;]\s*$/u.test(text.slice(-20));

/** Without the lines that repeat what somebody else said. */
const unquoted = (text: string) => text.replace(/^>.*$/gm, '');

/** "What do you think, Ada?", but not "I know Bob, Carol, Ada." */
function isCalledAtTheEnd(text: string, escaped: string): boolean {
  const found = new RegExp(String.raw`${comma}\s*@?${escaped}${title}?\s*${stop}{0,3}\s*$`, 'u').exec(text);
  if (!found) return false;
  const before = text.slice(0, found.index);
  const [clause = ''] = /[^,，、،:;.!?…：；。！？؛؟\n]*$/u.exec(before.slice(-300)) ?? [];
  const isList = new RegExp(`${comma}$`, 'u').test(before.slice(0, before.length - clause.length));
  const words = clause.trim().split(/\s+/).filter(Boolean).length;
  return !isList || words > 1 || new RegExp(unspaced, 'u').test(clause);
}
