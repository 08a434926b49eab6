/** From Markdown, as models write it, to the tree that every dialect is rendered from. */
import type * as mdast from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { visible } from './characters.ts';
import { isParsable, overusedConstructs } from './complexity.ts';
import type { Block, Inline, ListItem, Paragraph, Root, TableRow } from './tree.ts';

/** Deeper blocks and spans are shown as plain text: no chat shows them, and the tree is walked recursively. */
const deepest = 16;

/** HTML is text here: no chat shows it, and what a model writes of it is to be read. */
const unused = [
  'htmlFlow',
  'htmlText',
  'gfmFootnoteDefinition',
  'gfmFootnoteCall',
  'gfmPotentialFootnoteCall',
];

/**
 * Never fails, whatever the text: CommonMark and GFM, unfinished or hostile, of any size. A very long one (128 Ki code
 * units, 10,000 lines) is taken as plain paragraphs.
 */
export function parseMarkdown(text: string): Root {
  const source = visible(text);
  if (!isParsable(source)) return { type: 'root', children: plainParagraphs(source) };
  const parsed = fromMarkdown(source, {
    extensions: [gfm(), { disable: { null: [...unused, ...overusedConstructs(source)] } }],
    mdastExtensions: [gfmFromMarkdown()],
  });
  return { type: 'root', children: simplify(parsed) };
}

/** Cutting a paragraph costs time for each of its lines, again for each message. */
const mostLines = 500;

function plainParagraphs(text: string): Paragraph[] {
  return text
    .split(/\n\s*\n/)
    .filter((part) => part.trim() !== '')
    .flatMap((part) => {
      const lines = part.trim().split('\n');
      const count = Math.ceil(lines.length / mostLines);
      return Array.from({ length: count }, (_, index) =>
        lines.slice(index * mostLines, (index + 1) * mostLines),
      );
    })
    .map((lines) => ({ type: 'paragraph', children: textWithBreaks(lines.join('\n')) }));
}

function simplify(root: mdast.Root): Block[] {
  const targets = targetsOf(root);
  return blocks(root.children, 1);

  function blocks(nodes: readonly mdast.RootContent[], depth: number): Block[] {
    return nodes.flatMap((node) => block(node, depth));
  }

  function block(node: mdast.RootContent, depth: number): Block[] {
    if (depth >= deepest) return plainParagraphs(readable(node));
    switch (node.type) {
      case 'paragraph':
        return [{ type: 'paragraph', children: inlines(node.children, depth + 1) }];
      case 'heading':
        return [{ type: 'heading', depth: node.depth, children: inlines(node.children, depth + 1) }];
      case 'code':
        return [{ type: 'code', lang: node.lang ?? null, value: visible(node.value) }];
      case 'blockquote':
        return [{ type: 'blockquote', children: blocks(node.children, depth + 1) }];
      case 'list': {
        const { ordered, start, spread } = node;
        return [
          { type: 'list', ordered, start, spread, children: items(node.children, depth + 1) },
        ] as Block[];
      }
      case 'table':
        return [{ type: 'table', align: node.align ?? null, children: rows(node.children, depth + 1) }];
      case 'thematicBreak':
        return [{ type: 'thematicBreak' }];
      // A definition is shown where it is referred to.
      default:
        return [];
    }
  }

  function items(nodes: readonly mdast.ListItem[], depth: number): ListItem[] {
    return nodes.map(({ checked, spread, children }) => ({
      type: 'listItem',
      checked: checked ?? null,
      spread: spread ?? null,
      children: blocks(children, depth + 1),
    }));
  }

  function rows(nodes: readonly mdast.TableRow[], depth: number): TableRow[] {
    return nodes.map((row) => ({
      type: 'tableRow',
      children: row.children.map((cell) => ({
        type: 'tableCell',
        children: inlines(cell.children, depth + 2),
      })),
    }));
  }

  function inlines(nodes: readonly mdast.PhrasingContent[], depth: number): Inline[] {
    return nodes.flatMap((node) => inline(node, depth));
  }

  function inline(node: mdast.PhrasingContent, depth: number): Inline[] {
    if (depth >= deepest) return textWithBreaks(readable(node));
    switch (node.type) {
      case 'text':
        return textWithBreaks(node.value);
      case 'inlineCode':
        return [{ type: 'inlineCode', value: visible(node.value).replaceAll('\n', ' ') }];
      case 'strong':
      case 'emphasis':
      case 'delete':
        return [{ type: node.type, children: inlines(node.children, depth + 1) }];
      case 'link':
        return [{ type: 'link', url: visible(node.url), children: inlines(node.children, depth + 1) }];
      case 'image':
        return [{ type: 'image', url: visible(node.url), alt: oneLine(node.alt) }];
      case 'linkReference': {
        const url = targets.find(node.identifier);
        const children = inlines(node.children, depth + 1);
        return url === undefined ? children : [{ type: 'link', url, children }];
      }
      case 'imageReference': {
        const url = targets.find(node.identifier);
        const alt = oneLine(node.alt);
        return url === undefined ? [{ type: 'text', value: alt }] : [{ type: 'image', url, alt }];
      }
      case 'break':
        return [{ type: 'break' }];
      default:
        return [];
    }
  }
}

/** How much the references of one text may add to it: one long definition and many short references would add no end. */
const mostReferred = 100_000;

function targetsOf(root: mdast.Root) {
  const urls = new Map<string, string>();
  let referred = 0;
  const waiting: mdast.Nodes[] = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.type === 'definition' && !urls.has(node.identifier))
      urls.set(node.identifier, visible(node.url));
    if (node.type !== 'paragraph' && 'children' in node) waiting.push(...node.children.toReversed());
  }
  return {
    find(identifier: string): string | undefined {
      const url = urls.get(identifier);
      referred += url?.length ?? 0;
      return referred > mostReferred ? undefined : url;
    },
  };
}

/** Everything below a node as text, however deep it goes. */
function readable(node: mdast.Nodes): string {
  const parts: string[] = [];
  const waiting: mdast.Nodes[] = [node];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if ('value' in next) parts.push(next.value);
    else if ('alt' in next && next.alt) parts.push(next.alt);
    else if (next.type === 'break') parts.push('\n');
    if (next.type === 'paragraph' || next.type === 'heading' || next.type === 'code') {
      waiting.push({ type: 'break' });
    }
    if ('children' in next) waiting.push(...next.children.toReversed());
  }
  return parts.join('').trim();
}

/** Models write `<br>` where Markdown has no line break: in cells of tables. */
function textWithBreaks(text: string): Inline[] {
  const lines = visible(text).split(/\n|<br ?\/?>/i);
  return lines.flatMap((line, index): Inline[] => {
    const start = index > 0 ? line.trimStart() : line;
    const value = index < lines.length - 1 ? start.trimEnd() : start;
    return [
      ...(index > 0 ? [{ type: 'break' } as const] : []),
      ...(value ? [{ type: 'text', value } as const] : []),
    ];
  });
}

function oneLine(text: string | null | undefined): string {
  return visible(text ?? '')
    .replace(/\s+/g, ' ')
    .trim();
}
