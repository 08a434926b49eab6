/**
 * HTML from the tree. All text and attributes are escaped, and only the tags below are written, so what a model says
 * cannot become markup: there is nothing left to sanitise. Images are links: one that loads by itself would tell its
 * server whatever a model was tricked into writing to its address.
 */

import { languageOf } from '../notation.ts';
import { alignedTable, tableAsList } from '../table.ts';
import type { Block, Inline, List, ListItem, Root, Table, TableRow } from '../tree.ts';
import { safeUrl } from '../urls.ts';

export interface HtmlLook {
  readonly tables: boolean;
  readonly headings: boolean;
  readonly struck: 's' | 'strike';
  /** Of the names of languages on code. */
  readonly classes: boolean;
  /** Attributes by tag, such as ` style="…"`. */
  readonly attributes: Readonly<Record<string, string>>;
}

export function renderHtml({ children }: Root, look: HtmlLook): string {
  return blocks(children).join('\n');

  function element(tag: string, content: string, attributes = ''): string {
    return `<${tag}${attributes}${look.attributes[tag] ?? ''}>${content}</${tag}>`;
  }

  function blocks(nodes: readonly Block[]): string[] {
    return nodes.map(block).filter((html) => html !== '');
  }

  function block(node: Block): string {
    switch (node.type) {
      case 'paragraph':
        return element('p', inlines(node.children));
      case 'heading': {
        const content = inlines(node.children);
        return look.headings ? element(`h${node.depth}`, content) : element('p', element('strong', content));
      }
      case 'code':
        return code(node.value, languageOf(node.lang));
      case 'blockquote':
        return element('blockquote', blocks(node.children).join('\n'));
      case 'list':
        return list(node);
      case 'table':
        return table(node);
      case 'thematicBreak':
        return '<hr>';
    }
  }

  function code(value: string, lang: string | null): string {
    const language = look.classes && lang !== null ? ` class="language-${lang}"` : '';
    return element('pre', element('code', escaped(value), language));
  }

  function list({ ordered, start, children: items }: List): string {
    const content = items.map(item).join('\n');
    if (!ordered) return element('ul', content);
    return element(
      'ol',
      content,
      start === null || start === undefined || start === 1 ? '' : ` start="${start}"`,
    );
  }

  function item({ checked, children: content }: ListItem): string {
    const box = checked === true ? '☑ ' : checked === false ? '☐ ' : '';
    const [first, ...others] = content;
    // One paragraph is the item itself; a browser would put margins around it.
    if (first?.type !== 'paragraph') return element('li', box + blocks(content).join('\n'));
    return element('li', [box + inlines(first.children), ...blocks(others)].join('\n'));
  }

  function table(node: Table): string {
    if (!look.tables) {
      const aligned = alignedTable(node);
      return aligned === null ? list(tableAsList(node)) : code(aligned, null);
    }
    const [header, ...body] = node.children;
    const row = ({ children: cells }: TableRow, tag: 'th' | 'td') =>
      element(
        'tr',
        cells.map((cell, column) => element(tag, inlines(cell.children), aligned(column))).join(''),
      );
    const aligned = (column: number) => {
      const side = node.align?.[column];
      return side ? ` align="${side}"` : '';
    };
    return element(
      'table',
      [
        header ? element('thead', row(header, 'th')) : '',
        body.length > 0 ? element('tbody', body.map((cells) => row(cells, 'td')).join('\n')) : '',
      ].join(''),
    );
  }

  function inlines(nodes: readonly Inline[]): string {
    return nodes.map(inline).join('');
  }

  function inline(node: Inline): string {
    switch (node.type) {
      case 'text':
        return escaped(node.value);
      case 'inlineCode':
        return element('code', escaped(node.value));
      case 'break':
        return '<br>';
      case 'strong':
        return element('strong', inlines(node.children));
      case 'emphasis':
        return element('em', inlines(node.children));
      case 'delete':
        return element(look.struck, inlines(node.children));
      case 'image':
        return link(node.url, escaped(node.alt || node.url));
      case 'link':
        return link(node.url, inlines(node.children) || escaped(node.url));
    }
  }

  function link(url: string, label: string): string {
    const href = safeUrl(url);
    if (href !== null) return element('a', label, ` href="${escaped(href)}"`);
    return url === '' || label === escaped(url) ? label : `${label} (${escaped(url)})`;
  }
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
