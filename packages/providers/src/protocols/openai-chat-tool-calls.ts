/**
 * Gathers the tool calls of chat completions from their deltas.
 *
 * OpenAI marks a call by its `index`, and gives id and name once, with its first delta; several calls may be
 * open at once. Others differ in every one of these: each call has index 0 and an id of its own (Gemini),
 * every delta has another id (https://github.com/vllm-project/vllm/issues/14951), id and name come with every
 * delta, or the name in pieces; there are no ids, or no indexes; arguments come before the name, or as an
 * object; the whole calls follow once more.
 *
 * What cannot be told is not guessed: arguments that belong to no call leave every call without arguments
 * unfinished, and a call with another one's arguments behind its own is no JSON any more. Neither runs; the
 * model is told.
 */
import type { Answer } from '../answer.ts';
import { ModelError, type ModelEvent } from '../provider.ts';
import { JsonProgress } from '../tool-arguments.ts';
import type { ToolNames } from '../tool-names.ts';

/** No model means to make more at once. OpenAI takes 128 tools at the most. */
const MAX_CALLS = 512;

/** Any field may be missing or of another type. */
export interface LooseToolCall {
  index?: number | string | null;
  id?: string | null;
  function?: LooseFunction | null;
  extra_content?: { google?: { thought_signature?: string } };
}
export interface LooseFunction {
  name?: string | null;
  arguments?: unknown;
}

interface Delta {
  index: number | string | undefined;
  wireId: string | undefined;
  /** Undefined: not given. */
  name: string | undefined;
  json: string;
  /** The arguments are an object: all of them. */
  isObject: boolean;
  signature: string | undefined;
}

interface Call {
  index: number | string | undefined;
  wireId: string | undefined;
  /** The wire's, as far as it came. */
  name: string;
  json: string;
  progress: JsonProgress;
  isObject: boolean;
  /** Whole, and then its name came again: if arguments follow, they are another call's. */
  isNamedAgain: boolean;
  signature: string | undefined;
  /** Our id; null: not begun, since its name may not be whole yet. */
  id: string | null;
}

export class ToolCallDeltas {
  readonly #answer: Answer;
  readonly #names: ToolNames;
  /** The tools that the model may call, by the wire's names. */
  readonly #offered: ReadonlySet<string>;
  readonly #calls: Call[] = [];
  readonly #byIndex = new Map<number | string, Call>();
  readonly #byWireId = new Map<string, Call>();

  constructor(answer: Answer, names: ToolNames, offered: Iterable<string>) {
    this.#answer = answer;
    this.#names = names;
    this.#offered = new Set([...offered].map((name) => names.encode(name)));
  }

  /** The `tool_calls` of one delta. */
  *read(toolCalls: readonly LooseToolCall[]): Iterable<ModelEvent> {
    let hasBegun = false;
    for (const toolCall of toolCalls) {
      const delta = toDelta(toolCall);
      const before = this.#calls.length;
      // Two that are named in one delta are two.
      const isAnother = hasBegun && delta.index === undefined && delta.name !== undefined;
      const known = isAnother ? null : this.#find(delta);
      if (!known && isNothing(delta)) continue;
      yield* this.#add(known ?? this.#begin(delta), delta);
      if (this.#calls.length > before) hasBegun = true;
    }
  }

  /** Whole calls, of an answer that does not stream, or once more at the end of one that did. */
  *readWhole(toolCalls: readonly LooseToolCall[]): Iterable<ModelEvent> {
    const known = new Set(this.#calls);
    for (const [at, toolCall] of toolCalls.entries()) {
      const delta = toDelta(toolCall);
      const same = [...known].find(
        (call) =>
          (delta.wireId !== undefined && call.wireId === delta.wireId) ||
          (call.name === delta.name &&
            (call.json === delta.json || (!isWhole(call) && this.#calls[at] === call))),
      );
      if (!same) {
        yield* this.#add(this.#begin(delta), delta);
        continue;
      }
      known.delete(same);
      yield* this.#replace(same, delta.json);
    }
  }

  /** The answer is over. `isComplete`: its finish reason says so, and says that it was not cut. */
  *end(isComplete: boolean): Iterable<ModelEvent> {
    for (const call of this.#calls) yield* this.#start(call);
    const areArgumentsLost = this.#calls.some(({ name }) => name === '');
    for (const { id, json, progress, isObject } of this.#calls) {
      if (isObject && json === '') yield* this.#answer.toolArguments(id!, '{}');
      const mayBeUnfinished = progress.isEmpty && !isObject && areArgumentsLost;
      if (isComplete && !mayBeUnfinished) yield* this.#answer.toolEnd(id!);
    }
  }

  /** The call that a delta goes on with. */
  #find(delta: Delta): Call | null {
    const { index, wireId, name } = delta;
    const known = wireId === undefined ? undefined : this.#byWireId.get(wireId);
    if (known && (index === undefined || known.index === index || name === undefined))
      return this.#isSecond(known, delta) ? null : known;
    const call = index === undefined ? this.#calls.at(-1) : this.#byIndex.get(index);
    if (!call) return null;
    if (wireId !== undefined && call.wireId !== undefined) {
      // Another id: another call, unless it has no name of its own, or this one's in the middle of its
      // arguments.
      const goesOn =
        name === undefined ? !isWhole(call) : index !== undefined && name === call.name && isHalf(call);
      return goesOn ? call : null;
    }
    return this.#isSecond(call, delta) ? null : call;
  }

  /** Whether a delta that looks like one of the call begins another one: calls begin with their name. */
  #isSecond(call: Call, { name, json, isObject, wireId }: Delta): boolean {
    if (name === undefined || call.name === '') return false;
    if (isWhole(call)) {
      if (name !== call.name) return true;
      // A name that comes with every delta, or the next call's.
      if (json.trim() === '' && !isObject) return false;
      return wireId === undefined || json !== call.json;
    }
    return name !== call.name && (isHalf(call) || this.#joined(call.name, name) === null);
  }

  /** A tool's name of which both are pieces, or of which the second has more; null: they are two names. */
  #joined(name: string, more: string): string | null {
    const offers = (prefix: string) => [...this.#offered].some((offered) => offered.startsWith(prefix));
    if (this.#offered.has(name) && this.#offered.has(more)) return null;
    if (offers(name + more)) return name + more;
    return more.startsWith(name) && offers(more) ? more : null;
  }

  #begin({ index, wireId, signature }: Delta): Call {
    if (this.#calls.length >= MAX_CALLS)
      throw new ModelError('malformed', `The model made more than ${MAX_CALLS} tool calls at once.`);
    const call: Call = {
      ...{ index, wireId, signature, name: '', json: '', id: null },
      ...{ progress: new JsonProgress(), isObject: false, isNamedAgain: false },
    };
    this.#calls.push(call);
    if (index !== undefined) this.#byIndex.set(index, call);
    if (wireId !== undefined) this.#byWireId.set(wireId, call);
    return call;
  }

  *#add(call: Call, delta: Delta): Iterable<ModelEvent> {
    const { wireId, name, json, isObject } = delta;
    if (call.isNamedAgain && (json.trim() !== '' || isObject)) {
      const next = this.#begin({ ...delta, index: call.index });
      yield* this.#add(next, { ...delta, name: name ?? call.name });
      return;
    }
    if (call.wireId === undefined && wireId !== undefined) {
      call.wireId = wireId;
      this.#byWireId.set(wireId, call);
    }
    call.signature ??= delta.signature;
    if (name !== undefined) this.#name(call, name, delta);
    if (isObject) {
      call.isObject = true;
      if (json !== '') yield* this.#replace(call, json);
    } else if (json !== '' && !(name !== undefined && isWhole(call) && json === call.json)) {
      call.isObject = false;
      call.json += json;
      call.progress.push(json);
      if (call.id !== null) yield* this.#answer.toolDelta(call.id, json);
    }
    if (call.name !== '' && (this.#offered.has(call.name) || call.json !== '')) yield* this.#start(call);
  }

  #name(call: Call, name: string, { json, wireId }: Delta): void {
    if (call.name === name && this.#joined(name, name) === null) {
      call.isNamedAgain = isWhole(call) && json.trim() === '' && wireId === undefined;
      return;
    }
    call.name = call.name === '' ? name : (this.#joined(call.name, name) ?? call.name);
    if (call.id !== null) this.#answer.toolName(call.id, this.#names.decode(call.name));
  }

  /**
   * All arguments of a call at once. They count only where those that came before are not whole themselves.
   */
  *#replace(call: Call, json: string): Iterable<ModelEvent> {
    if (json === call.json || (isWhole(call) && !call.isObject)) return;
    call.json = json;
    call.progress = new JsonProgress();
    call.progress.push(json);
    if (call.id !== null) yield* this.#answer.toolArguments(call.id, json);
  }

  *#start(call: Call): Iterable<ModelEvent> {
    if (call.id !== null) return;
    if (call.signature) this.#answer.sign(call.signature);
    const start = this.#answer.toolStart(call.wireId, this.#names.decode(call.name));
    call.id = start.id;
    yield start;
    yield* this.#answer.toolDelta(start.id, call.json);
  }
}

const isNothing = ({ wireId, name, json, isObject }: Delta): boolean =>
  wireId === undefined && name === undefined && json.trim() === '' && !isObject;

const isWhole = ({ progress, isObject }: Call): boolean => isObject || progress.isWhole;

/** In the middle of its arguments. */
const isHalf = (call: Call): boolean => !isWhole(call) && !call.progress.isEmpty;

function toDelta({ index, id, function: called, extra_content }: LooseToolCall): Delta {
  const { name, arguments: args } = called ?? {};
  const isObject = typeof args === 'object' && args !== null;
  const isEmptyObject = isObject && Object.keys(args).length === 0;
  return {
    index: typeof index === 'string' && /^\d{1,9}$/.test(index) ? Number(index) : (index ?? undefined),
    wireId: typeof id === 'string' && id !== '' ? id : undefined,
    name: typeof name === 'string' && name !== '' ? name : undefined,
    json:
      typeof args === 'string'
        ? args
        : args === null || args === undefined
          ? ''
          : isEmptyObject
            ? ''
            : JSON.stringify(args),
    isObject,
    signature: extra_content?.google?.thought_signature,
  };
}
