/** What channels use of all this: from Markdown to the messages of a platform. */

import { cutText } from '@nightshift/contracts';
import { visible } from './characters.ts';
import { isParsable } from './complexity.ts';
import { type Dialect, type Rendered, renderers } from './dialects/index.ts';
import { lengthIn, mostUnits, type TextLimit } from './length.ts';
import { parseMarkdown } from './parse.ts';
import { smsSegments } from './sms-segments.ts';
import { type Gauge, splitTree } from './split.ts';
import type { Block, Node, Root } from './tree.ts';
import { parseUnfinished } from './unfinished.ts';

export type { Dialect, Rendered } from './dialects/index.ts';
export type { TelegramEntity } from './dialects/telegram.ts';
export type { TextLimit } from './length.ts';

export interface Format {
  readonly dialect: Dialect;
  /** For each message. Of email and the web, text and HTML are within it. */
  readonly limit: TextLimit;
}

export interface RenderedParts {
  /** In order; none is blank. */
  readonly parts: readonly Rendered[];
  /** False when there would be more than `maxParts`: these are the beginning. */
  readonly isComplete: boolean;
  /** Of a beginning: how much of the text is in it, from 0 to 1, and what is read last. */
  readonly shown: number;
  readonly end: string;
}

export interface Bounded {
  readonly maxParts?: number;
  /**
   * Where there would be more than `maxParts`, the last one ends with one of these, made for how much is shown: the first
   * that leaves the text at least half of its message, else the last. None: it says nothing.
   */
  readonly notes?: readonly ((shown: number) => string)[];
}

/**
 * The messages of a text; the same text always gives the same. Nothing that can be read is lost, and none is longer
 * than the limit, unless that is too small for a single code point.
 */
export function renderParts(
  markdown: string,
  { dialect, limit, maxParts = Number.POSITIVE_INFINITY, notes = [] }: Format & Bounded,
): RenderedParts {
  const whole = (parts: readonly Rendered[]) => ({ parts, isComplete: true, shown: 1, end: '' });
  const asIs = { text: withoutBlankEdges(markdown.toWellFormed()) };
  if (dialect === 'markdown' && fillOf(asIs, limit) <= 1) return whole(asIs.text ? [asIs] : []);
  // What is certain to be too much is not parsed: a megabyte takes seconds, in which the process does nothing else.
  const beginning = cutText(markdown, sourcePerUnit * mostUnits(limit) * (maxParts + 1));
  const render = rendererOf(dialect, beginning);
  const trees: Root[] = [];
  const parts: Rendered[] = [];
  let isComplete = beginning.length === markdown.length;
  for (const tree of splitTree(parseMarkdown(beginning), gaugeOf(render, limit))) {
    const part = render(tree);
    if (part.text.trim() === '') continue;
    if (parts.length === maxParts) {
      isComplete = false;
      break;
    }
    parts.push(part);
    trees.push(tree);
  }
  if (isComplete) return whole(parts);
  return endWithNote({ parts, last: trees.at(-1), length: markdown.length }, { render, limit, notes });
}

/** Makes room for a note at the end of the last message. */
function endWithNote(
  { parts, last, length }: { parts: readonly Rendered[]; last: Root | undefined; length: number },
  { render, limit, notes }: { render: Render; limit: TextLimit; notes: NonNullable<Bounded['notes']> },
): RenderedParts {
  const measure = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0);
  const shownOf = (texts: readonly string[]) => Math.min(1, measure(texts) / Math.max(1, length));
  const { fill } = gaugeOf(render, limit);
  const noted = (children: readonly Block[], text: string): Root => ({
    type: 'root',
    children: [...children, { type: 'paragraph', children: [{ type: 'text', value: text }] }],
  });
  // It is measured at its longest, since how much is shown depends on it.
  const note = notes.find((each) => fill(noted([], each(0))) <= 0.5) ?? notes.at(-1);
  if (!note || !last) {
    const texts = parts.map(({ text }) => text);
    return { parts, isComplete: false, shown: shownOf(texts), end: texts.at(-1) ?? '' };
  }
  const before = parts.slice(0, -1);
  const behind = noted([], note(0)).children;
  const [first] = splitTree(last, gaugeOf(render, limit, behind));
  const fits = first !== undefined && fill(noted(first.children, note(0))) <= 1;
  const kept = fits ? first.children : [];
  const texts = [...before.map(({ text }) => text), ...(fits ? [render(first).text] : [])];
  const shown = shownOf(texts);
  return {
    parts: [...before, render(noted(kept, note(shown)))],
    isComplete: false,
    shown,
    end: texts.at(-1) ?? '',
  };
}

/** Markdown that is longer than what is read of it by more than this is no text that people read. */
const sourcePerUnit = 3;

/** Spaces before the first word may make it code. */
function withoutBlankEdges(text: string): string {
  return text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd();
}

/**
 * One message that shows a text which is still being written: its beginning, with `…` once that is no longer all. What
 * is begun and not yet closed is shown as it will be. Blank when there is nothing to be seen yet.
 */
export function renderPreview(markdown: string, { dialect, limit }: Format): Rendered {
  // Later text changes nothing of the beginning.
  const beginning = cutText(markdown, 4 * mostUnits(limit)).toWellFormed();
  const render = rendererOf(dialect, beginning);
  const whole = parseUnfinished(beginning);
  if (gaugeOf(render, limit).fill(whole) <= 1) return render(whole);
  const [first] = splitTree(whole, gaugeOf(render, limit, [more]));
  return render({ type: 'root', children: [...(first?.children ?? []), more] });
}

const more: Block = { type: 'paragraph', children: [{ type: 'text', value: '…' }] };

type Render = (root: Root) => Rendered;

/** What is too long to be parsed is as it was typed: plain text, which is the Markdown that is asked for. */
function rendererOf(dialect: Dialect, markdown: string): Render {
  return dialect === 'markdown' && !isParsable(visible(markdown)) ? renderers.plain : renderers[dialect];
}

/** @param behind what stands at the end of each message */
function gaugeOf(render: Render, limit: TextLimit, behind: readonly Block[] = []): Gauge {
  const most = mostUnits(limit);
  return {
    most,
    fill({ children }) {
      if (isLonger(children, most)) return Number.POSITIVE_INFINITY;
      return fillOf(render({ type: 'root', children: [...children, ...behind] }), limit);
    },
  };
}

/** Telegram shows no more than so many entities of a message. */
const mostEntities = 100;

function fillOf({ text, html, entities }: Rendered, { max, unit, lines, segments }: TextLimit): number {
  const length = lengthIn[unit];
  return Math.max(
    length(text) / max,
    html === undefined ? 0 : length(html) / max,
    (entities?.length ?? 0) / mostEntities,
    segments === undefined ? 0 : smsSegments(text) / segments,
    lines === undefined ? 0 : text.split('\n').filter((line) => line.trim() !== '').length / lines,
  );
}

/** Whether there is more to read than so many UTF-16 code units, without looking at all of it. */
function isLonger(blocks: readonly Block[], most: number): boolean {
  let left = most;
  const read = (node: Node): boolean => {
    if ('value' in node) left -= node.value.length;
    return left < 0 || ('children' in node && node.children.some(read));
  };
  return blocks.some(read);
}
