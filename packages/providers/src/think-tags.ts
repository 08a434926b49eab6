/**
 * Thinking that a server leaves in the text: `<think>…</think>`, then the answer. Servers of open models do
 * when nobody has told them to part the two (vLLM's and SGLang's `--reasoning-parser`).
 * https://docs.sglang.io/advanced_features/separate_reasoning.html ·
 * https://docs.vllm.ai/en/latest/features/reasoning_outputs/
 *
 * - A tag counts only where the answer begins; one further on is text, since people talk about tags, too.
 * - Held back is only what may become a tag: text that begins otherwise goes on at once, and so does
 * thinking.
 * - Some chat templates end with `<think>`, so that the answer has a lone `</think>` (DeepSeek-R1, QwQ,
 * Qwen3-Thinking).   Where the model is known for it (`Compat.opensThinking`), what comes first is streamed
 * as thinking. Otherwise it shows   only when the tag comes: then the message is right in the end, and what
 * was streamed up to there was text.
 */
import type { Answer } from './answer.ts';
import { matches } from './model-prefixes.ts';
import type { Endpoint, ModelCall, ModelEvent } from './provider.ts';

/**
 * DeepSeek, Qwen, MiniMax, GLM · some Claude imitators · EXAONE, Gemma · Reka · Seed-OSS · Magistral · Kimi
 * K2.
 */
const tags: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
];

/** How all of them begin. */
const tagStarts = '<[◁';

/** White space that is held back: before a tag, or before the end of the thinking. In characters. */
const MAX_SPACE = 64;

export interface TextReader {
  /** Text of the answer, as it comes. */
  read(delta: string): Iterable<ModelEvent>;
  /** Thinking that the wire has told apart itself. */
  thinking(delta: string): Iterable<ModelEvent>;
  /** Something else follows: what is held back will not become a tag. */
  flush(): Iterable<ModelEvent>;
  /** `isCut`: the answer is not complete. */
  end(isCut: boolean): Iterable<ModelEvent>;
}

export function createTextReader(answer: Answer, { model }: ModelCall, { compat }: Endpoint): TextReader {
  /**
   * start: nothing has come · thinking: within it · after: it has ended, nothing else has come · text: to the
   * end
   */
  let state: 'start' | 'thinking' | 'after' | 'text' = 'start';
  let close = '</think>';
  /** The template has opened the thinking: whether there is any shows only when it is closed. */
  let isAssumed = matches(compat.opensThinking, model);
  let hasThought = false;
  let held = '';
  if (isAssumed) state = 'thinking';

  /** Reads on until more has to come. In a loop: one delta may hold any number of tags. */
  function* advance(): Iterable<ModelEvent> {
    for (let hasMore = true; hasMore; ) hasMore = yield* state === 'thinking' ? readThinking() : readStart();
  }

  /** @returns whether there is more to read */
  function* readStart(): Generator<ModelEvent, boolean, undefined> {
    const text = held.trimStart();
    if (text !== '' && !tagStarts.includes(text[0]!)) return yield* endStart(text);
    const opened = tags.find(([open]) => text.startsWith(open));
    // The lone end of thinking that a server has told apart otherwise.
    const closed = tags.find(([, end]) => text.startsWith(end));
    const mayBecomeTag =
      text === ''
        ? held.length <= MAX_SPACE
        : tags.some(([open, end]) => open.startsWith(text) || end.startsWith(text));
    if (opened) {
      [, close] = opened;
      state = 'thinking';
      held = text.slice(opened[0].length);
      return true;
    }
    if (closed) {
      state = 'after';
      held = text.slice(closed[1].length);
      return true;
    }
    if (mayBecomeTag) return false;
    return yield* endStart(text);
  }

  /** There is no tag: it is text from here on. */
  function* endStart(text: string): Generator<ModelEvent, false, undefined> {
    const rest = state === 'after' ? text : held;
    state = 'text';
    held = '';
    if (rest !== '') yield answer.text(rest);
    return false;
  }

  /** @returns whether there is more to read */
  function* readThinking(): Generator<ModelEvent, boolean, undefined> {
    const end = held.indexOf(close);
    if (end === -1) {
      const keep = startOfHeld(held, close);
      yield* think(held.slice(0, keep));
      held = held.slice(keep);
      return false;
    }
    yield* think(held.slice(0, end).trimEnd());
    held = held.slice(end + close.length);
    isAssumed = false;
    hasThought = false;
    state = 'after';
    return true;
  }

  function* think(text: string): Iterable<ModelEvent> {
    const shown = hasThought ? text : text.trimStart();
    if (shown === '') return;
    hasThought = true;
    yield answer.thinking(shown);
  }

  return {
    *read(delta) {
      if (delta === '') return;
      if (state === 'text') return yield answer.text(delta);
      held += delta;
      if (isAssumed && !hasThought) {
        // Some write the tag all the same.
        if (isStartOfTag(held)) return;
        held = withoutTag(held);
      }
      yield* advance();
    },

    *thinking(delta) {
      // It is told apart here, so the text is none.
      if (isAssumed && !hasThought && held === '') {
        isAssumed = false;
        state = 'start';
      }
      yield answer.thinking(delta);
    },

    *flush() {
      if (state === 'thinking' || held === '') return;
      const rest = state === 'after' ? held.trimStart() : held;
      held = '';
      if (rest === '') return;
      state = 'text';
      yield answer.text(rest);
    },

    *end(isCut) {
      if (state === 'thinking') {
        yield* think(held.trimEnd());
        // It was never closed, so it was the answer.
        if (isAssumed && !isCut && !answer.hasToolCalls) yield* answer.thinkingIsText();
      } else yield* this.flush();
      held = '';
      answer.splitText(loneClose);
    },
  };
}

/** From where on `text` may be the beginning of `close`, or white space before it. */
function startOfHeld(text: string, close: string): number {
  let keep = text.length;
  for (let length = Math.min(close.length - 1, text.length); length > 0; length--) {
    if (!close.startsWith(text.slice(-length))) continue;
    keep -= length;
    break;
  }
  const least = Math.max(0, keep - MAX_SPACE);
  while (keep > least && /\s/.test(text[keep - 1]!)) keep--;
  return keep;
}

const isStartOfTag = (text: string): boolean => {
  const start = text.trimStart();
  return text.length <= MAX_SPACE && tags.some(([open]) => open !== start && open.startsWith(start));
};

const withoutTag = (text: string): string => {
  const start = text.trimStart();
  const opened = tags.find(([open]) => start.startsWith(open));
  return opened ? start.slice(opened[0].length) : text;
};

/**
 * Where a text's thinking ends and its answer begins, when it was never opened; null when it has no such end.
 * A tag that is quoted, in code, between two words, or behind an opening one is something that the text is
 * about.
 */
function loneClose(text: string): { end: number; begin: number } | null {
  for (const [open, close] of tags) {
    const end = text.indexOf(close);
    if (end === -1) continue;
    const begin = end + close.length;
    const before = text.slice(0, end);
    if (before.includes(open) || isQuoted(before, text.slice(begin, begin + 2))) return null;
    return { end, begin };
  }
  return null;
}

function isQuoted(before: string, after: string): boolean {
  if (/[`'"“”‘’«([\\]$/.test(before) || /^[`'"“”‘’»)\],;:]/.test(after)) return true;
  if (before.split('```').length % 2 === 0) return true;
  const line = before.slice(before.lastIndexOf('\n') + 1);
  if (line.split('`').length % 2 === 0) return true;
  return /\S[ \t]$/.test(before) && /^[ \t]\S/.test(after);
}
