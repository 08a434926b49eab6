/**
 * What a hostile text could make the parser slow with.
 *
 * micromark takes time that grows with the square of how often some constructs stand in one paragraph, or of how deep
 * they are nested: 20 kB of `*a_ ` are seconds. A text that overuses one is parsed without it, and shows it as typed.
 * It is decided by counting, not by a clock, so the same text always gives the same tree.
 */

/** In UTF-16 code units. Longer texts, and texts of more lines, are not parsed: they are files rather than messages. */
const longest = 128 * 1024;
const mostLines = 10_000;

/** Lines that begin items of lists. */
const mostItems = 1_000;

const labels = ['labelStartLink', 'labelStartImage', 'labelEnd', 'definition'];
const spans = [
  'attention',
  'strikethrough',
  'codeText',
  'characterEscape',
  'characterReference',
  'autolink',
  'wwwAutolink',
  'protocolAutolink',
  'emailAutolink',
  'hardBreakEscape',
];
const addresses = ['wwwAutolink', 'protocolAutolink', 'emailAutolink'];
const containers = ['blockQuote', 'list'];

/** A line's quote and list markers. */
const markers = /^(?:[ \t]*(?:>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$)))+/;

/** Whether it is worth to be parsed at all. */
export function isParsable(text: string): boolean {
  return text.length <= longest && countOf(text, /\n/g) < mostLines;
}

/** Names of micromark's constructs that this text has too many of. Each budget is good for less than 100 ms. */
export function overusedConstructs(text: string): string[] {
  const paragraphs = text.split(/\n[ \t]*\n/);
  const squaresOf = (pattern: RegExp) => sumOfSquares(paragraphs.map((part) => countOf(part, pattern)));
  const attention = sumOfSquares(paragraphs.map(attentionRunsOf));
  const overused: string[] = [];
  // Between any two spans it joins what is text, and moves all that was parsed behind it: also marks that are not parsed.
  if (squaresOf(/[\\`&*_~[\]!<@]|https?:|www\./gi) > 2.5e7) overused.push(...spans, ...labels);
  // Each word could be an address, and looks for a label that it may stand in through all that was parsed before.
  const labelled = paragraphs.filter((part) => part.includes('['));
  if (sumOfSquares(labelled.map((part) => countOf(part, /[\w+.-]+/g))) > 1.5e6) overused.push(...addresses);
  if (attention > 1e6) overused.push('attention');
  if (squaresOf(/~+/g) > 1e6) overused.push('strikethrough');
  if (squaresOf(/\|/g) > 1e8) overused.push('table');
  if (squaresOf(/\]/g) > 1e7 || paragraphs.some((part) => bracketDepthOf(part) > 200))
    overused.push(...labels);
  if (countOf(text, /^ {0,3}(?:-+|=+)[ \t]*$/gm) > 500) overused.push('setextUnderline');
  if (hasTooManyContainers(text, paragraphs)) overused.push(...containers);
  return overused;
}

function hasTooManyContainers(text: string, paragraphs: readonly string[]): boolean {
  const found = text.split('\n').flatMap((line) => line.match(markers) ?? []);
  // An item moves all that was parsed behind it.
  if (found.filter((prefix) => /[^\s>]/.test(prefix)).length > mostItems) return true;
  if (found.some((prefix) => prefix.length > 100)) return true;
  if (sumOfSquares(found.map((prefix) => countOf(prefix, /[^\s\d]/g))) > 5e4) return true;
  if (countOf(text, /(?<!>.*\n)^[ \t]*>/gm) > 500) return true;
  // Each line without a marker is tried as a continuation of what is above.
  return sumOfSquares(paragraphs.map(lazyLinesOf)) > 1e6;
}

function lazyLinesOf(paragraph: string): number {
  const lines = paragraph.split('\n');
  const unmarked = lines.filter((line) => !markers.test(line)).length;
  return unmarked === lines.length ? 0 : unmarked;
}

/** Runs of `*`, and of `_` but inside of words, where they mark nothing. */
function attentionRunsOf(text: string): number {
  let count = 0;
  for (const { 0: run, index } of text.matchAll(/\*+|_+/g)) {
    const isInside = isWordly(text[index - 1]) && isWordly(text[index + run.length]);
    if (!run.startsWith('_') || !isInside) count += 1;
  }
  return count;
}

const isWordly = (character: string | undefined) => character !== undefined && /\w/.test(character);

function bracketDepthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[\]]/g)) {
    depth = Math.max(0, depth + (bracket === '[' ? 1 : -1));
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function sumOfSquares(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count ** 2, 0);
}
