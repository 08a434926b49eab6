/** The arguments of a tool call: text that a model wrote, whole only when its JSON is. */

/**
 * Nothing that a tool takes is nested so deep, and what walks it later (validation, the journal) recurses.
 */
const MAX_DEPTH = 100;

/**
 * The object that the text of a call's arguments stands for, or null when it stands for none: then the model
 * is told, and nothing is guessed (no half JSON is completed, nothing is cut out of markdown or of two
 * objects in a row).
 *
 * Vendors write "no arguments" as nothing at all, `null`, `[]` or `""`. Some encode the object twice, as the
 * text of a JSON string: that is undone once. https://github.com/vllm-project/vllm/issues/16340
 */
export function parseArguments(json: string): Record<string, unknown> | null {
  const value = parse(json);
  return toObject(typeof value === 'string' ? parse(value) : value);
}

function toObject(value: unknown): Record<string, unknown> | null {
  if (value === null || (Array.isArray(value) && value.length === 0)) return {};
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** Null for nothing; undefined for what is no JSON. */
function parse(json: string): unknown {
  if (json.trim() === '') return null;
  try {
    if (depthOf(json) > MAX_DEPTH) return undefined;
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function depthOf(json: string): number {
  if (json.length <= MAX_DEPTH) return 0;
  const progress = new JsonProgress();
  progress.push(json);
  return progress.deepest;
}

/** Follows one JSON value while its text comes in, each character once. */
export class JsonProgress {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** The start of a value that is neither object, array nor string. */
  #literal = '';
  #isClosed = false;
  #deepest = 0;

  push(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const char = text.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (char === BACKSLASH) this.#isEscaped = true;
        else if (char === QUOTE) {
          this.#isInString = false;
          if (this.#depth === 0) this.#isClosed = true;
        }
      } else if (char === QUOTE) {
        this.#isInString = true;
      } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
        this.#depth++;
        this.#deepest = Math.max(this.#deepest, this.#depth);
      } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
        this.#depth--;
        if (this.#depth <= 0) this.#isClosed = true;
      } else if (this.#depth === 0 && this.#literal.length < 8 && !isSpace(char)) {
        this.#literal += text[at];
      }
    }
  }

  /** Nothing but white space has come. */
  get isEmpty(): boolean {
    return !this.#isClosed && this.#depth === 0 && !this.#isInString && this.#literal === '';
  }

  /** A value has come to its end. What follows it, if anything does, is no part of it. */
  get isWhole(): boolean {
    return this.#isClosed || (this.#depth === 0 && this.#literal === 'null');
  }

  /** How deep objects and arrays were nested so far. */
  get deepest(): number {
    return this.#deepest;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

const isSpace = (char: number): boolean => char === 32 || (char >= 9 && char <= 13);
