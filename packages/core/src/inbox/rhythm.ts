/**
 * Tells programs that no platform marks as such from people, by what was said in a thread lately: whoever answers us
 * again and again faster than anybody reads and types, or with the same words, is taken for a program. Pure.
 *
 * A *turn* is what somebody says between two messages of ours. However many messages a turn has (a burst that was forwarded,
 * a paste of ten lines), it counts once, by its first.
 */

export interface Line {
  /** Who said it; null: we. */
  readonly sender: string | null;
  /** The beginning of it, `maxText` at most. */
  readonly text: string;
  /** Of all of it, in UTF-16 units. */
  readonly length: number;
  /** How long ago it was said, in milliseconds. */
  readonly ageMs: number;
}

/** Lines to look at: twice the longest run of turns that matters, with as many bursts between. */
export const maxLines = 40;
export const maxText = 300;

/** So many turns in a row, faster than people are. */
const quickTurns = 7;
/** So many turns of one sender in a row with the same words, and with nearly the same. */
const equalTurns = 5;
const similarTurns = 9;

/** Texts of fewer letters are what people repeat: "ok", "yes", "next page". */
export const shortText = 20;

/** Nobody who sees an answer arrive pastes the next text sooner, again and again. In milliseconds. */
const longestGapMs = 4_000;

/** The fastest typist that we reckon with: 150 words a minute, and half a second to begin. In milliseconds. */
const typingMs = (length: number) => 600 + Math.min(length, 120) * 80;
/** Skimming: 200 characters a second. Whoever says a word need not have read all. In milliseconds. */
const readingMs = (length: number, reply: number) => (reply < 20 ? 0 : Math.min(length, 400) * 5);

interface Turn {
  readonly sender: string;
  readonly isQuick: boolean;
  readonly words: string;
}

/**
 * @param lines oldest first; the last is what has just come
 * @returns whether its sender is taken for a program
 */
export function looksLikeProgram(lines: readonly Line[]): boolean {
  const turns = turnsOf(lines);
  const sender = lines.at(-1)?.sender;
  const last = turns.findLast((turn) => turn.sender === sender);
  if (!last) return false;
  const upToLast = turns.slice(0, turns.lastIndexOf(last) + 1);
  if (countBack(upToLast, ({ isQuick }) => isQuick) >= quickTurns) return true;
  const own = upToLast.filter((turn) => turn.sender === sender);
  if (masked(last.words).length < shortText) return false;
  if (countBack(own, ({ words }) => words === last.words) >= equalTurns) return true;
  if (own.length < similarTurns) return false;
  const shingles = shinglesOf(masked(last.words));
  return (
    countBack(own, ({ words }) => similarity(shingles, shinglesOf(masked(words))) >= 0.8) >= similarTurns
  );
}

function countBack(turns: readonly Turn[], fits: (turn: Turn) => boolean): number {
  const other = turns.findLastIndex((turn) => !fits(turn));
  return turns.length - 1 - other;
}

function turnsOf(lines: readonly Line[]): Turn[] {
  const turns: Turn[] = [];
  /** Our last message, and what others have said since. */
  let ours: Line | null = null;
  let sinceOurs = new Set<string>();
  /** The last line of others before our last message. */
  let asked: Line | null = null;
  /** Of each sender the last line, and for how long we have written answers since, in milliseconds. */
  const before = new Map<string, { line: Line; answeringMs: number }>();
  for (const line of lines) {
    if (line.sender === null) {
      const answeringMs = asked && sinceOurs.size > 0 ? asked.ageMs - line.ageMs : 0;
      for (const each of before.values()) each.answeringMs += answeringMs;
      ours = line;
      sinceOurs = new Set();
      continue;
    }
    const { sender } = line;
    const own = before.get(sender);
    if (!sinceOurs.has(sender)) {
      const isQuick = ours !== null && own !== undefined && isTooFast(line, ours, own);
      turns.push({ sender, isQuick, words: normalized(line.text) });
    }
    sinceOurs.add(sender);
    asked = line;
    before.set(sender, { line, answeringMs: 0 });
  }
  return turns;
}

/** Sooner after our answer, and after their own last message, than the words take. */
/** The longest time after our answer in which a text of so many characters is too fast, in milliseconds. */
export const quickestMs = (length: number): number =>
  Math.min(typingMs(length) + readingMs(400, length), longestGapMs);

function isTooFast(line: Line, ours: Line, own: { line: Line; answeringMs: number }): boolean {
  const neededMs = typingMs(line.length) + readingMs(ours.length, line.length);
  const sinceOursMs = ours.ageMs - line.ageMs;
  const sinceOwnMs = own.line.ageMs - line.ageMs;
  return sinceOursMs < Math.min(neededMs, longestGapMs) && sinceOwnMs < neededMs + own.answeringMs;
}

/** Letters and digits, one space between words. */
const normalized = (text: string) =>
  text
    .slice(0, maxText)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

const masked = (words: string) => words.replace(/\p{N}+/gu, '0');

const shingleLength = 4;

function shinglesOf(words: string): Set<string> {
  const shingles = new Set<string>();
  for (let at = 0; at + shingleLength <= words.length; at += 1)
    shingles.add(words.slice(at, at + shingleLength));
  return shingles;
}

/** Of all that both have, what both share: 0 to 1. */
function similarity(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let shared = 0;
  for (const shingle of one) if (other.has(shingle)) shared += 1;
  return shared === 0 ? 0 : shared / (one.size + other.size - shared);
}
