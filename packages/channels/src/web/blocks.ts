/**
 * Markdown as trees of elements, for a browser that makes them one by one. There is no markup to escape or to sanitise:
 * text stays text, and the tags are ours. Images are links: one that loads by itself would tell its server whatever a
 * model was tricked into writing to its address.
 */
import type { WidgetElement, WidgetNode, WidgetTag } from '@nightshift/contracts';
import { languageOf } from '../markdown/notation.ts';
import { parseMarkdown } from '../markdown/parse.ts';
import type { Block, Inline, List, ListItem, Root, Table } from '../markdown/tree.ts';
import { parseUnfinished } from '../markdown/unfinished.ts';
import { safeUrl } from '../markdown/urls.ts';

export const messageBlocks = (markdown: string): WidgetNode[] => ofRoot(parseMarkdown(markdown));

/** Of a text that is still being written: what is begun and not yet closed looks as it will. */
export const draftBlocks = (markdown: string): WidgetNode[] => ofRoot(parseUnfinished(markdown));

const ofRoot = ({ children }: Root) => children.map(block);

const element = (
  tag: WidgetTag,
  children: WidgetNode[],
  more: Partial<WidgetElement> = {},
): WidgetElement => ({
  tag,
  ...(children.length > 0 && { children }),
  ...more,
});

function block(node: Block): WidgetNode {
  switch (node.type) {
    case 'paragraph':
      return element('p', node.children.map(inline));
    case 'heading':
      // The page has headings of its own above these.
      return element((['h3', 'h4', 'h5'] as const)[Math.min(node.depth, 3) - 1]!, node.children.map(inline));
    case 'code': {
      const lang = languageOf(node.lang);
      return element('pre', [node.value], lang === null ? {} : { lang });
    }
    case 'blockquote':
      return element('blockquote', node.children.map(block));
    case 'list':
      return list(node);
    case 'table':
      return table(node);
    case 'thematicBreak':
      return element('hr', []);
  }
}

function list({ ordered, start, children }: List): WidgetNode {
  if (!ordered) return element('ul', children.map(item));
  return element(
    'ol',
    children.map(item),
    start !== null && start !== undefined && start !== 1 ? { start } : {},
  );
}

function item({ checked, children: [first, ...others] }: ListItem): WidgetNode {
  const box = checked === true ? ['☑ '] : checked === false ? ['☐ '] : [];
  // One paragraph is the item itself: as an element it would have margins.
  const content = first?.type === 'paragraph' ? first.children.map(inline) : first ? [block(first)] : [];
  return element('li', [...box, ...content, ...others.map(block)]);
}

function table({ align, children: rows }: Table): WidgetNode {
  return element(
    'table',
    rows.map((row, index) =>
      element(
        'tr',
        row.children.map((cell, column) => {
          const side = align?.[column];
          return element(index === 0 ? 'th' : 'td', cell.children.map(inline), side ? { align: side } : {});
        }),
      ),
    ),
  );
}

function inline(node: Inline): WidgetNode {
  switch (node.type) {
    case 'text':
      return node.value;
    case 'inlineCode':
      return element('code', [node.value]);
    case 'break':
      return element('br', []);
    case 'strong':
      return element('strong', node.children.map(inline));
    case 'emphasis':
      return element('em', node.children.map(inline));
    case 'delete':
      return element('s', node.children.map(inline));
    case 'image':
      return link(node.url, [node.alt || node.url]);
    case 'link':
      return link(node.url, node.children.length > 0 ? node.children.map(inline) : [node.url]);
  }
}

/** An address that may not be one is shown, behind its label. */
function link(url: string, label: WidgetNode[]): WidgetNode {
  const href = safeUrl(url);
  if (href !== null) return element('a', label, { href });
  const isShown = url === '' || (label.length === 1 && label[0] === url);
  return element('em', isShown ? label : [...label, ` (${url})`]);
}
