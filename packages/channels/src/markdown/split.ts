/**
 * Cuts a tree that is too long for one message into several, where it hurts least.
 *
 * Trees are cut, not texts, and each is measured as it is rendered. So every message is complete in itself: a block of
 * code has its fences and its language, a quote its marks, a list goes on counting, a table has its header again, bold
 * text ends and begins anew; and what all that costs is within the limit.
 */
import { cutInline, type InlineRoom, type Seam } from './cut-inline.ts';
import { renderPlain } from './dialects/plain.ts';
import { tableAsList } from './table.ts';
import type { Block, Code, Heading, Inline, List, ListItem, Paragraph, Root, Table } from './tree.ts';

export interface Gauge {
  /** How full of it a message is: up to 1 it fits. */
  fill(root: Root): number;
  /** UTF-16 code units of text that fit at most. */
  readonly most: number;
}

/** The space for some nodes at one place of the tree. */
interface Room<Node> {
  /** With what stands before them in the message. */
  fill(nodes: readonly Node[]): number;
  /** In a message of their own, in the same quotes and lists. */
  alone(nodes: readonly Node[]): number;
  readonly most: number;
}

type Halves<Node> = readonly [head: Node, tail: Node];

/** The trees in order; the same tree always gives the same. Only a single code point can be too long for its message. */
export function* splitTree({ children }: Root, { fill, most }: Gauge): Generator<Root> {
  const measure = (blocks: readonly Block[]) => fill(rootOf(blocks));
  const room: Room<Block> = { fill: measure, alone: measure, most };
  let rest: readonly Block[] = children;
  while (rest.length > 0) {
    const [head, tail] = cutFirst(rest, room);
    yield rootOf(head);
    rest = tail;
  }
}

/** Tries ever more painful cuts. */
function cutFirst(blocks: readonly Block[], room: Room<Block>): Halves<readonly Block[]> {
  for (const seam of ['words', 'graphemes', 'codePoints'] as const) {
    const halves = cutChildren(blocks, room, seam, cutBlock);
    if (halves) return halves;
  }
  // Its quotes, lists or addresses leave no space for text.
  const [first, ...others] = blocks as [Block, ...Block[]];
  const text = renderPlain(rootOf([first])).text;
  const [head, tail] = cutChildren([paragraphOf(text)], room, 'codePoints', cutBlock) ?? cutOff(text);
  return [head, [...tail, ...others]];
}

/** The first code point, which is too long by itself. */
function cutOff(text: string): Halves<readonly Block[]> {
  const [first = ''] = text;
  return [[paragraphOf(first)], [paragraphOf(text.slice(first.length).trimStart())]];
}

/**
 * As many nodes as fit, and a part of the next where that one is too long for any message, or is a list or a table and
 * most of the message would stay empty. Null when not even a part of the first fits.
 */
function cutChildren<Node extends { type: string }>(
  nodes: readonly Node[],
  room: Room<Node>,
  seam: Seam,
  cut: (node: Node, room: Room<Node>, seam: Seam) => Halves<Node> | null,
): Halves<readonly Node[]> | null {
  const count = mostThatFit(nodes, room);
  const next = nodes[count];
  if (!next) return [nodes, []];
  const before = nodes.slice(0, count);
  const after = nodes.slice(count + 1);
  const isDivisible = next.type === 'list' || next.type === 'table';
  if (room.alone([next]) > 1 || (isDivisible && count > 0 && room.fill(before) < 0.5)) {
    const inside: Room<Node> = { ...room, fill: (more) => room.fill([...before, ...more]) };
    const halves = cut(next, inside, count === 0 ? seam : 'words');
    if (halves)
      return [
        [...before, halves[0]],
        [halves[1], ...after],
      ];
  }
  // A heading stays with what it is the heading of.
  let end = count;
  while (end > 1 && nodes[end - 1]!.type === 'heading') end -= 1;
  return end === 0 ? null : [nodes.slice(0, end), nodes.slice(end)];
}

/** How full a guess is says where the next is better, so that few are rendered; halving brings the rest. */
function mostThatFit<Node>(nodes: readonly Node[], room: Room<Node>): number {
  let [low, high] = [0, nodes.length + 1];
  let guess = 1;
  for (let step = 0; high - low > 1; step += 1) {
    const fill = room.fill(nodes.slice(0, guess));
    if (fill <= 1) low = guess;
    else high = guess;
    const aimed = step < 6 && fill > 0 ? Math.floor(guess / fill) : (low + high) >> 1;
    guess = Math.min(Math.max(aimed, low + 1), high - 1);
  }
  return low;
}

function cutBlock(block: Block, room: Room<Block>, seam: Seam): Halves<Block> | null {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return cutText(block, room, seam);
    case 'code':
      return cutCode(block, room, seam);
    case 'blockquote': {
      const wrap = (children: readonly Block[]): Block => ({ ...block, children: [...children] });
      return wrapped(cutChildren(block.children, within(room, wrap), seam, cutBlock), wrap);
    }
    case 'list':
      return cutList(block, room, seam);
    case 'table':
      return cutTable(block, room, seam);
    case 'thematicBreak':
      return null;
  }
}

function cutText(block: Paragraph | Heading, room: Room<Block>, seam: Seam): Halves<Block> | null {
  const wrap = (children: readonly Inline[]): Block => ({ ...block, children: [...children] });
  return wrapped(cutInline(block.children, inlineRoom(room, wrap), seam), wrap);
}

function cutCode(block: Code, room: Room<Block>, seam: Seam): Halves<Block> | null {
  const lines = block.value.replace(/^(?:[ \t]*\n)+/, '').split('\n');
  const wrap = (some: readonly string[]): Block => ({ ...block, value: some.join('\n') });
  const count = mostThatFit(lines, within(room, wrap));
  if (count > 0) return count < lines.length ? [wrap(lines.slice(0, count)), wrap(lines.slice(count))] : null;
  if (seam === 'words') return null;
  const [first, ...others] = lines as [string, ...string[]];
  const wrapLine = ([line]: readonly Inline[]): Block => ({
    ...block,
    value: line?.type === 'text' ? line.value : '',
  });
  const line = cutInline([{ type: 'text', value: first }], inlineRoom(room, wrapLine), seam)?.map(wrapLine) as
    | [Code, Code]
    | undefined;
  return line ? [line[0], wrap([line[1].value, ...others])] : null;
}

function cutList(list: List, room: Room<Block>, seam: Seam): Halves<Block> | null {
  const wrap = (items: readonly ListItem[]): Block => ({ ...list, children: [...items] });
  const halves = cutChildren(list.children, within(room, wrap), seam, cutItem);
  if (!halves) return null;
  const [head, tail] = halves;
  const told = tail[0]?.continued ? head.length - 1 : head.length;
  return [wrap(head), { ...list, start: (list.start ?? 1) + told, children: [...tail] }];
}

function cutItem(item: ListItem, room: Room<ListItem>, seam: Seam): Halves<ListItem> | null {
  const wrap = (children: readonly Block[]): ListItem => ({ ...item, children: [...children] });
  const halves = wrapped(cutChildren(item.children, within(room, wrap), seam, cutBlock), wrap);
  return halves && [halves[0], { ...halves[1], checked: null, continued: true }];
}

function cutTable(table: Table, room: Room<Block>, seam: Seam): Halves<Block> | null {
  const [header, ...rows] = table.children;
  const wrap = (some: Table['children']): Block => ({
    ...table,
    children: header ? [header, ...some] : some,
  });
  const count = mostThatFit(
    rows,
    within(room, (some) => wrap([...some])),
  );
  if (count > 0 && count < rows.length) return [wrap(rows.slice(0, count)), wrap(rows.slice(count))];
  return seam === 'words' ? null : cutList(tableAsList(table), room, seam);
}

/** The room inside of a node that is in a room itself. */
function within<Outer, Inner>(room: Room<Outer>, wrap: (nodes: readonly Inner[]) => Outer): Room<Inner> {
  return {
    ...room,
    fill: (nodes) => room.fill([wrap(nodes)]),
    alone: (nodes) => room.alone([wrap(nodes)]),
  };
}

function inlineRoom<Outer>(room: Room<Outer>, wrap: (nodes: readonly Inline[]) => Outer): InlineRoom {
  return { most: room.most, fits: (head) => room.fill([wrap(head)]) <= 1 };
}

function wrapped<Inner, Outer>(
  halves: Halves<readonly Inner[]> | null,
  wrap: (nodes: readonly Inner[]) => Outer,
): Halves<Outer> | null {
  return halves && halves[1].length > 0 ? [wrap(halves[0]), wrap(halves[1])] : null;
}

function paragraphOf(text: string): Paragraph {
  return {
    type: 'paragraph',
    children: text
      .split('\n')
      .flatMap((value, index): Inline[] => [
        ...(index > 0 ? [{ type: 'break' } as const] : []),
        ...(value ? [{ type: 'text', value } as const] : []),
      ]),
  };
}

function rootOf(children: readonly Block[]): Root {
  return { type: 'root', children: [...children] };
}
