/** Where the content of a paragraph is cut in two. */
import { graphemes } from './characters.ts';
import { type Inline, textOf } from './tree.ts';

/** Where a cut is allowed: between words, or, where there is no other way, between graphemes or code points. */
export type Seam = 'words' | 'graphemes' | 'codePoints';

export interface InlineRoom {
  fits(head: Inline[]): boolean;
  /** No head of more UTF-16 code units fits. */
  readonly most: number;
}

/**
 * The longest beginning that fits and ends where a reader would pause, and the rest; null where there is none. The end
 * of a line or of a sentence in the second half of what fits is preferred to a later end of a word. A span that is cut
 * becomes two; white space at the cut goes.
 */
export function cutInline(
  nodes: readonly Inline[],
  room: InlineRoom,
  seam: Seam,
): [Inline[], Inline[]] | null {
  let count = 0;
  let text = '';
  for (; count < nodes.length && text.length <= room.most; count += 1) text += textOf(nodes[count]!);
  const near = nodes.slice(0, count);
  const fitting = longestFitting(Math.min(text.length, room.most), (end) => room.fits(slice(near, 0, end)));
  for (const end of ends(near, text, fitting, seam)) {
    const head = trimmed(slice(near, 0, end));
    const tail = trimmed([...slice(near, end, text.length), ...nodes.slice(count)]);
    if (head.length > 0 && tail.length > 0 && room.fits(head)) return [head, tail];
  }
  return null;
}

/** A longer beginning is hardly ever the shorter one when rendered, so halving finds the longest, or nearly. */
function longestFitting(length: number, fits: (end: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where to cut, the best place first. */
function* ends(nodes: readonly Inline[], text: string, fitting: number, seam: Seam): Generator<number> {
  const atoms = atomsOf(nodes);
  const splitsAtom = (end: number) => {
    const [from, to] = atoms[indexBefore(atoms, end)] ?? [end, end];
    return from < end && end < to;
  };
  // White space behind what fits is cut off.
  const reach = text.slice(0, fitting + 1);
  const all = (pattern: RegExp) =>
    Array.from(reach.matchAll(pattern), ({ index, 0: match }) => index + match.length).toReversed();
  const isLate = (end: number) => end > fitting / 2 && !splitsAtom(end);
  const words = all(/\s/g);
  yield* all(/\n/g).values().filter(isLate).take(1);
  yield* all(/[.!?…]["')\]”’]?\s|[。！？]/g)
    .values()
    .filter(isLate)
    .take(1);
  yield* words
    .values()
    .filter((end) => !splitsAtom(end))
    .take(8);
  if (seam === 'words') return;
  yield* words.slice(0, 8);
  yield* graphemeEnds(text, fitting).slice(0, 8);
  if (seam === 'graphemes') return;
  for (let end = fitting; end > Math.max(0, fitting - 8); end -= 1) if (!isInsidePair(text, end)) yield end;
}

/** From the last to the first. */
function graphemeEnds(text: string, upTo: number): number[] {
  return Array.from(
    graphemes.segment(text.slice(0, upTo + 64)),
    ({ index, segment }) => index + segment.length,
  )
    .filter((end) => end <= upTo)
    .toReversed();
}

function isInsidePair(text: string, end: number): boolean {
  return /[\ud800-\udbff]/.test(text[end - 1] ?? '') && /[\udc00-\udfff]/.test(text[end] ?? '');
}

/** Of the last range that begins before a place, by halving; -1: there is none. */
function indexBefore(ranges: readonly (readonly [number, number])[], place: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![0] < place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Links, images and code as ranges, in order and apart: what is not to be cut, if it can be helped. */
function atomsOf(nodes: readonly Inline[], offset = 0): [number, number][] {
  let from = offset;
  return nodes.flatMap((node) => {
    const start = from;
    from += textOf(node).length;
    if (node.type === 'link' || node.type === 'inlineCode') return [[start, from]];
    return 'children' in node ? atomsOf(node.children, start) : [];
  });
}

/** What is read from `from` to `to`, in its spans. An image belongs to where it begins. */
function slice(nodes: readonly Inline[], from: number, to: number): Inline[] {
  let start = 0;
  return nodes.flatMap((node): Inline[] => {
    const begin = start;
    const length = textOf(node).length;
    start += length;
    if (begin >= to || start < from || (start === from && length > 0)) return [];
    if (node.type === 'image') return begin >= from ? [node] : [];
    if (from <= begin && start <= to) return begin === from && length === 0 && from > 0 ? [] : [node];
    if ('value' in node) return [{ ...node, value: node.value.slice(Math.max(0, from - begin), to - begin) }];
    return 'children' in node
      ? [{ ...node, children: slice(node.children, from - begin, to - begin) }]
      : [node];
  });
}

function trimmed(nodes: Inline[]): Inline[] {
  return withoutEdge(withoutEdge(nodes, 'start'), 'end');
}

/** Without the white space at one edge, and the spans that hold no more. */
function withoutEdge(nodes: Inline[], edge: 'start' | 'end'): Inline[] {
  let [from, to] = [0, nodes.length];
  while (from < to) {
    const at = edge === 'start' ? from : to - 1;
    const node = nodes[at]!;
    const kept = trimNode(node, edge);
    if (kept) return nodes.slice(from, to).with(at - from, kept);
    if (edge === 'start') from += 1;
    else to -= 1;
  }
  return [];
}

/** The node itself where nothing is to be cut off, undefined where nothing is left. */
function trimNode(node: Inline, edge: 'start' | 'end'): Inline | undefined {
  if (node.type === 'break') return undefined;
  if ('value' in node) {
    const value = edge === 'start' ? node.value.trimStart() : node.value.trimEnd();
    if (value === '') return undefined;
    return value === node.value ? node : { ...node, value };
  }
  if (!('children' in node)) return node;
  const children = withoutEdge(node.children, edge);
  if (children.length === 0) return undefined;
  return children.every((child, index) => child === node.children[index]) ? node : { ...node, children };
}
