/**
 * A message as a tree: mdast (https://github.com/syntax-tree/mdast) with only the nodes that a chat can show. HTML,
 * footnotes and references are resolved by the parser, and lines of a paragraph are parted by `break` alone.
 */

export interface Root {
  type: 'root';
  children: Block[];
}

export type Block = Paragraph | Heading | Code | Blockquote | List | Table | ThematicBreak;

export interface Paragraph {
  type: 'paragraph';
  children: Inline[];
}

export interface Heading {
  type: 'heading';
  depth: 1 | 2 | 3 | 4 | 5 | 6;
  children: Inline[];
}

export interface Code {
  type: 'code';
  lang?: string | null;
  value: string;
}

export interface Blockquote {
  type: 'blockquote';
  children: Block[];
}

export interface List {
  type: 'list';
  ordered?: boolean | null;
  /** The number of its first item. */
  start?: number | null;
  /** Blank lines stand between its items. */
  spread?: boolean | null;
  children: ListItem[];
}

export interface ListItem {
  type: 'listItem';
  checked?: boolean | null;
  spread?: boolean | null;
  /** The rest of an item that begins in another message: it has no number or bullet of its own. */
  continued?: boolean;
  children: Block[];
}

export interface Table {
  type: 'table';
  align?: (null | 'left' | 'right' | 'center')[] | null;
  /** The first is the header. */
  children: TableRow[];
}

export interface TableRow {
  type: 'tableRow';
  children: TableCell[];
}

export interface TableCell {
  type: 'tableCell';
  children: Inline[];
}

export interface ThematicBreak {
  type: 'thematicBreak';
}

export type Inline = Text | InlineCode | Break | Image | Link | Styled;

export interface Styled {
  type: 'strong' | 'emphasis' | 'delete';
  children: Inline[];
}

export interface Link {
  type: 'link';
  url: string;
  children: Inline[];
}

export interface Text {
  type: 'text';
  value: string;
}

export interface InlineCode {
  type: 'inlineCode';
  value: string;
}

export interface Image {
  type: 'image';
  url: string;
  alt?: string | null;
}

export interface Break {
  type: 'break';
}

export type Node = Root | Block | ListItem | TableRow | TableCell | Inline;

/** What can be read of it, without formatting. Blocks, items, rows and cells are parted by a line break. */
export function textOf(node: Node): string {
  switch (node.type) {
    case 'text':
    case 'inlineCode':
    case 'code':
      return node.value;
    case 'image':
      return node.alt || node.url;
    case 'break':
      return '\n';
    case 'thematicBreak':
      return '';
    case 'paragraph':
    case 'heading':
    case 'tableCell':
    case 'strong':
    case 'emphasis':
    case 'delete':
    case 'link':
      return node.children.map(textOf).join('');
    default:
      return node.children.map(textOf).join('\n');
  }
}
