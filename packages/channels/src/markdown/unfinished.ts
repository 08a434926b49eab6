/** A text that is still being written, such that what it has begun is shown as if it were finished. */
import { parseMarkdown } from './parse.ts';
import { type Block, type Inline, type Root, textOf } from './tree.ts';

/** The first half of a list item, heading, rule, underline or row. */
const begunLine = /\n[ \t]*(?:[-=*+>#|]+|\d{1,9}[.)]?)[ \t]*$/;

export function parseUnfinished(markdown: string): Root {
  const { children } = parseMarkdown(markdown.replace(begunLine, ''));
  return { type: 'root', children: finished(children, finishBlock) };
}

function finished<Node>(nodes: readonly Node[], finish: (last: Node) => Node): Node[] {
  const last = nodes.at(-1);
  return last === undefined ? [] : [...nodes.slice(0, -1), finish(last)];
}

function finishBlock(block: Block): Block {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return { ...block, children: finishInlines(block.children) };
    case 'blockquote':
      return { ...block, children: finished(block.children, finishBlock) };
    case 'list':
      return {
        ...block,
        children: finished(block.children, (item) => ({
          ...item,
          children: finished(item.children, finishBlock),
        })),
      };
    case 'table':
      return {
        ...block,
        children: finished(block.children, (row) => ({
          ...row,
          children: finished(row.children, (cell) => ({ ...cell, children: finishInlines(cell.children) })),
        })),
      };
    case 'code':
      // The beginning of the fence that ends it.
      return { ...block, value: block.value.replace(/(?:^|\n)(?:`{1,2}|~{1,2})$/, '') };
    case 'thematicBreak':
      return block;
  }
}

function finishInlines(nodes: readonly Inline[]): Inline[] {
  return closeSpans(withoutTarget(nodes));
}

/** `[label](https://exam` as its label. The parser has made a link of the address. */
function withoutTarget(nodes: readonly Inline[]): Inline[] {
  const last = nodes.at(-1);
  const begun = last?.type === 'link' && textOf(last) === last.url ? nodes.slice(0, -1) : nodes;
  const text = begun.at(-1);
  if (text?.type !== 'text') return [...nodes];
  const value = text.value.replace(/!?\[([^[\]]*)\]\([^()\s]*$/, '$1');
  return value === text.value ? [...nodes] : [...begun.slice(0, -1), { ...text, value }];
}

const opener = /(?<![\p{L}\p{N}*_~`\\])(?:\*{1,3}|_{1,3}|~~|`)(?![*_~`\s])/u;

/** What a mark has opened that nothing closes yet goes to the end of the paragraph; a mark that ends it is left out. */
function closeSpans(nodes: readonly Inline[], depth = 0): Inline[] {
  for (const [index, node] of nodes.entries()) {
    const match = node.type === 'text' ? opener.exec(node.value) : null;
    if (node.type !== 'text' || !match || depth > 3) continue;
    const before = node.value.slice(0, match.index);
    const after = node.value.slice(match.index + match[0].length);
    const inside = [...(after ? [{ ...node, value: after }] : []), ...nodes.slice(index + 1)];
    return [
      ...nodes.slice(0, index),
      ...(before ? [{ ...node, value: before }] : []),
      ...(inside.length > 0 ? spanned(match[0], inside, depth) : []),
    ];
  }
  return [...nodes];
}

function spanned(mark: string, inside: Inline[], depth: number): Inline[] {
  if (mark === '`') return [{ type: 'inlineCode', value: inside.map(textOf).join('').replaceAll('\n', ' ') }];
  const children = closeSpans(inside, depth + 1);
  if (mark === '~~') return [{ type: 'delete', children }];
  if (mark.length === 1) return [{ type: 'emphasis', children }];
  const strong: Inline = { type: 'strong', children };
  return [mark.length === 2 ? strong : { type: 'emphasis', children: [strong] }];
}
