/** From the tree to the lines that a chat shows: everything but how a platform writes bold, links and code. */
import { alignedTable, tableAsList } from './table.ts';
import { type Block, type Code, type Inline, type List, type ListItem, type Root, textOf } from './tree.ts';
import { isBare, safeUrl } from './urls.ts';

export interface Line {
  /** How many quotes it is in. */
  readonly quoted: number;
  /** Indentation, bullet or number: to be written as it is. */
  readonly prefix: string;
  readonly runs: readonly Run[];
  /** It is a line of this block of code, and its one run is not marked. */
  readonly code?: Code;
}

/** Text of one look. */
export interface Run {
  readonly text: string;
  readonly marks: Marks;
  /** It is read as an address by the platform, and is no longer one when anything is put into it. */
  readonly isAddress?: boolean;
}

export interface Marks {
  readonly strong?: true;
  readonly emphasis?: true;
  readonly delete?: true;
  readonly code?: true;
  /** Where it leads. */
  readonly link?: string;
}

export interface Layout {
  /** By depth; the last one also for what is deeper. */
  readonly bullets: readonly string[];
  readonly nestedQuotes: boolean;
  /** What leads a heading, or null: it is bold then. */
  heading(depth: number): string | null;
  readonly rule: string;
  /** What a label can lead to: web pages, mail and phone numbers as well, or nothing: the address is written then. */
  readonly links: 'web' | 'any' | 'none';
}

interface Place {
  readonly quoted: number;
  readonly indent: string;
  /** Of lists. */
  readonly depth: number;
}

export function toLines({ children }: Root, layout: Layout): Line[] {
  return blockLines(children, { quoted: 0, indent: '', depth: 0 }, true);

  function blockLines(blocks: readonly Block[], place: Place, apart: boolean): Line[] {
    const parts = blocks.map((block) => linesOf(block, place)).filter((lines) => lines.length > 0);
    return parts.flatMap((lines, index) => (apart && index > 0 ? [blank(place), ...lines] : lines));
  }

  function linesOf(block: Block, place: Place): Line[] {
    switch (block.type) {
      case 'paragraph':
        return inlineLines(block.children, {}, place);
      case 'heading': {
        const lead = layout.heading(block.depth);
        if (lead === null) return inlineLines(block.children, { strong: true }, place);
        return inlineLines(block.children, {}, place, lead);
      }
      case 'code':
        return codeLines(block, place);
      case 'blockquote': {
        const quoted = layout.nestedQuotes ? place.quoted + 1 : 1;
        // A platform sees a quote only where the line begins with it.
        return blockLines(block.children, { ...place, quoted, indent: '' }, true);
      }
      case 'list':
        return listLines(block, place);
      case 'table': {
        const value = alignedTable(block);
        return value === null
          ? listLines(tableAsList(block), place)
          : codeLines({ type: 'code', value }, place);
      }
      case 'thematicBreak':
        return [{ quoted: place.quoted, prefix: place.indent + layout.rule, runs: [] }];
    }
  }

  function listLines({ children: items, ordered, start, spread }: List, place: Place): Line[] {
    return items.flatMap((item, index) => {
      const bullet = layout.bullets[Math.min(place.depth, layout.bullets.length - 1)]!;
      const marker = ordered ? `${(start ?? 1) + index}. ` : `${bullet} `;
      const lines = itemLines(item, marker, place);
      return spread && index > 0 ? [blank(place), ...lines] : lines;
    });
  }

  function itemLines(item: ListItem, marker: string, place: Place): Line[] {
    const box = item.checked === true ? '☑ ' : item.checked === false ? '☐ ' : '';
    const indent = place.indent + ' '.repeat(marker.length);
    const [first, ...others] = blockLines(
      item.children,
      { quoted: place.quoted, indent, depth: place.depth + 1 },
      item.spread === true,
    );
    const lead = item.continued ? indent : place.indent + marker + box;
    if (first && first.quoted === place.quoted && first.prefix.startsWith(indent)) {
      return [{ ...first, prefix: lead + first.prefix.slice(indent.length) }, ...others];
    }
    const alone = item.continued ? [] : [{ quoted: place.quoted, prefix: lead.trimEnd(), runs: [] }];
    return [...alone, ...(first ? [first, ...others] : [])];
  }

  /** A line that begins with a fence or a quote has no indentation: platforms would not see it as one. */
  function codeLines(code: Code, { quoted }: Place): Line[] {
    const value = code.value.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
    if (value === '') return [];
    return value
      .split('\n')
      .map((text): Line => ({ quoted, prefix: '', code, runs: text === '' ? [] : [{ text, marks: {} }] }));
  }

  function inlineLines(
    inlines: readonly Inline[],
    marks: Marks,
    { quoted, indent }: Place,
    lead = '',
  ): Line[] {
    const lines: Run[][] = [[]];
    for (const run of inlines.flatMap((inline) => runsOf(inline, marks))) {
      if (run === lineEnd) lines.push([]);
      else if (run.text !== '') lines.at(-1)!.push(run);
    }
    if (lines.every((runs) => runs.length === 0)) return [];
    return lines.map((runs) => ({ quoted, prefix: indent + lead, runs }));
  }

  function runsOf(inline: Inline, marks: Marks): Run[] {
    switch (inline.type) {
      case 'text':
        return [{ text: inline.value, marks }];
      case 'inlineCode':
        // A label is marked as code by no platform but Discord.
        return [{ text: inline.value, marks: marks.link === undefined ? { ...marks, code: true } : marks }];
      case 'break':
        return [lineEnd];
      case 'image': {
        const label = inline.alt || inline.url;
        return linkRuns(inline.url, label, marks, (linked) => [{ text: label, marks: linked }]);
      }
      case 'link': {
        const label = inline.children.map(textOf).join('');
        if (label.trim() === '') return runsOf({ type: 'image', url: inline.url }, marks);
        return linkRuns(inline.url, label, marks, (linked) =>
          inline.children.flatMap((child) => runsOf(child, linked)),
        );
      }
      default:
        return inline.children.flatMap((child) => runsOf(child, { ...marks, [inline.type]: true }));
    }
  }

  function linkRuns(url: string, label: string, marks: Marks, runs: (marks: Marks) => Run[]): Run[] {
    const link = layout.links === 'none' || marks.link !== undefined ? null : safeUrl(url, layout.links);
    if (link !== null) return runs({ ...marks, link });
    const address = safeUrl(url);
    if (isBare(label, url)) return [{ text: label, marks, isAddress: address === url }];
    const shown = { text: address ?? url, marks, isAddress: address !== null };
    const written = [{ text: ' (', marks }, shown, { text: ')', marks }];
    return url === '' ? runs(marks) : [...runs(marks), ...written];
  }
}

const lineEnd: Run = { text: '\n', marks: {} };

function blank({ quoted }: Place): Line {
  return { quoted, prefix: '', runs: [] };
}
