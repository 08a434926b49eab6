/**
 * Telegram: text and the entities over it, https://core.telegram.org/bots/api#formatting-options. Offsets count UTF-16
 * code units, as JavaScript does. Entities need no escaping, so no text of a model can break a message.
 */
import { zeroWidthSpace } from '../characters.ts';
import { type Marks, type Run, toLines } from '../lines.ts';
import { languageOf } from '../notation.ts';
import type { Code, Root } from '../tree.ts';
import { isBare } from '../urls.ts';

/** https://core.telegram.org/bots/api#messageentity */
export type TelegramEntity = { readonly offset: number; readonly length: number } & (
  | { readonly type: 'bold' | 'italic' | 'strikethrough' | 'code' | 'blockquote' }
  | { readonly type: 'pre'; readonly language?: string }
  | { readonly type: 'text_link'; readonly url: string }
);

type Look =
  | { type: 'bold' | 'italic' | 'strikethrough' | 'code' | 'blockquote' }
  | { type: 'pre'; language?: string }
  | { type: 'text_link'; url: string };

export function renderTelegram(root: Root): { text: string; entities: TelegramEntity[] } {
  const lines = toLines(root, {
    bullets: ['•', '◦', '▪'],
    nestedQuotes: false,
    heading: () => null,
    rule: '———',
    links: 'web',
  });
  const message = createMessage();
  let quoteStart = 0;
  let codeStart = 0;
  for (const [index, line] of lines.entries()) {
    const [previous, next] = [lines[index - 1], lines[index + 1]];
    if (line.quoted && !previous?.quoted) quoteStart = message.length;
    if (line.code && previous?.code !== line.code) codeStart = message.length;
    message.append(line.prefix);
    for (const run of line.runs) {
      const start = message.length;
      message.append(line.code ? run.text.replaceAll('\t', '    ') : withoutMentions(run));
      for (const look of looksOf(run.marks)) message.cover(start, look);
    }
    if (line.code && next?.code !== line.code) message.cover(codeStart, preformatted(line.code));
    if (line.quoted && !next?.quoted) message.cover(quoteStart, { type: 'blockquote' });
    if (next) message.append('\n');
  }
  return message.finish();
}

interface Cover {
  readonly look: Look;
  readonly start: number;
  end: number;
}

function createMessage() {
  let text = '';
  const covers: Cover[] = [];
  /** By where they end. */
  const ending = new Map<number, Cover[]>();
  const end = (cover: Cover) => {
    cover.end = text.length;
    ending.set(cover.end, [...(ending.get(cover.end) ?? []), cover]);
  };
  return {
    get length() {
      return text.length;
    },
    append(more: string) {
      text += more;
    },
    /** What was appended since `start` looks so. Neighbours of one look become one entity. */
    cover(start: number, look: Look) {
      const neighbour = ending
        .get(start)
        ?.findLast((cover) => cover.end === start && isSame(cover.look, look));
      if (neighbour) return end(neighbour);
      const cover = { look, start, end: text.length };
      covers.push(cover);
      end(cover);
    },
    finish(): { text: string; entities: TelegramEntity[] } {
      // Telegram cuts white space off the end; an entity must not reach over it.
      text = text.trimEnd();
      const entities = covers
        .map(({ look, start, end }) => ({
          ...look,
          offset: start,
          length: Math.min(end, text.length) - start,
        }))
        .filter(({ length }) => length > 0)
        .sort(outerFirst);
      return { text, entities };
    },
  };
}

function outerFirst(one: TelegramEntity, other: TelegramEntity): number {
  const isQuote = ({ type }: TelegramEntity) => Number(type === 'blockquote');
  return one.offset - other.offset || other.length - one.length || isQuote(other) - isQuote(one);
}

/**
 * Telegram makes a mention of any `@name` outside of code and links, and notifies whoever is called so. An address is
 * none: there, a letter stands before.
 */
function withoutMentions({ text, marks, isAddress }: Run): string {
  if (marks.code || isAddress || (marks.link !== undefined && isBare(text, marks.link))) return text;
  return text.replace(/(?<![A-Za-z0-9])@(?!\s)/g, `@${zeroWidthSpace}`);
}

function looksOf({ code, link, strong, emphasis, delete: struck }: Marks): Look[] {
  // Code can neither hold nor be part of another entity of a line.
  if (code) return [{ type: 'code' }];
  const looks: Look[] = [];
  if (link !== undefined) looks.push({ type: 'text_link', url: link });
  if (strong) looks.push({ type: 'bold' });
  if (emphasis) looks.push({ type: 'italic' });
  if (struck) looks.push({ type: 'strikethrough' });
  return looks;
}

function preformatted({ lang }: Code): Look {
  const language = languageOf(lang);
  return language === null ? { type: 'pre' } : { type: 'pre', language };
}

function isSame(one: Look, other: Look): boolean {
  return one.type === other.type && (!('url' in one) || !('url' in other) || one.url === other.url);
}
