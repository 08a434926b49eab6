/** One call to one vendor, watched by its clocks, told to its health. */

import type { AssistantMessage } from '@nightshift/contracts';
import { abortedError, emptyError, truncatedError } from './errors.ts';
import type { Health } from './health.ts';
import type { Candidate } from './plan.ts';
import type { Protocols } from './protocols/index.ts';
import { type ModelCall, ModelError, type ModelEvent } from './provider.ts';
import type { AttemptRecord } from './router.ts';
import { settle } from './settlement.ts';
import { createEventWasher } from './storable-events.ts';
import { createWatchdog, type Limits } from './watchdog.ts';

export interface AttemptTools {
  now: () => number;
  health: Health;
  protocols: Protocols;
}

export interface AttemptContext {
  index: number;
  candidate: Candidate;
  /** It tries a half-open circuit. */
  probe: boolean;
  call: ModelCall;
  /** What it sends, in tokens, estimated on the high side. */
  inputTokens: number;
  limits: Limits;
  /** Epoch milliseconds. */
  deadlineAt: number;
  waitedMs: number;
  /** An attempt before this one has shown its thinking. */
  isAgain: boolean;
  signal: AbortSignal;
}

/** No model writes as much at once: the longest outputs have some 128,000 tokens. Text, thinking and tool calls. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export type Terminal = Extract<ModelEvent, { type: 'done' | 'error' }>;

export interface AttemptEnd {
  record: AttemptRecord;
  terminal: Terminal;
  /** Something of the answer was passed on: no other attempt may answer now. */
  committed: boolean;
  /** Something was passed on, if only thinking. */
  shown: boolean;
}

/**
 * Thinking is passed on as it comes, everything else from the first text on, all but how it ended, which is
 * returned. What comes before the text may still turn out to be no answer: thinking alone, or a tool call
 * that is cut or malformed.
 */
export async function* attempt(
  { now, health, protocols }: AttemptTools,
  context: AttemptContext,
): AsyncGenerator<ModelEvent, AttemptEnd, undefined> {
  const { target, key, health: circuit } = context.candidate;
  const { provider, model } = target;
  const { wire } = key.endpoint;
  const startedAt = now();
  const watchdog = createWatchdog(context.limits, context.deadlineAt - startedAt, context.signal);
  const events = protocols[wire].stream(context.call, key.endpoint, watchdog.signal)[Symbol.asyncIterator]();
  const wash = createEventWasher();
  const held: ModelEvent[] = [];
  /** The vendor took the call: it may charge for it. */
  let accepted = false;
  let firstTokenMs: number | null = null;
  /** Of what came back. */
  let outputBytes = 0;
  let committed = false;
  let shown = false;
  let terminal: Terminal | null = null;

  try {
    while (terminal === null) {
      watchdog.waiting();
      const next = await events.next();
      let raw: ModelEvent = next.done ? failure(truncatedError()) : next.value;
      const content = isContent(raw);
      watchdog.heard(content);
      outputBytes += bytesOf(raw);
      if (outputBytes > MAX_ANSWER_BYTES) {
        outputBytes = MAX_ANSWER_BYTES;
        raw = failure(new ModelError('server', 'The answer is longer than 4 MB and does not end.'));
        watchdog.stop(true);
        events.return?.().catch(() => undefined);
      }
      if (content && firstTokenMs === null) {
        firstTokenMs = now() - startedAt;
        health.answered(circuit, firstTokenMs, context.probe);
      }
      for (const event of wash(raw)) {
        if (event.type === 'start') {
          accepted = true;
          if (event.rateLimit) health.limited(circuit, event.rateLimit);
        }
        if (event.type === 'done' || event.type === 'error') {
          terminal = event;
          if (event.type === 'done' && !isEmpty(event.message)) committed = true;
        } else {
          held.push(event);
          if (event.type === 'text' && isVisible(event.delta)) committed = true;
        }
      }
      // Thinking waits only for what came before it.
      const isShown = committed || (isThinking(held.at(-1)) && held.every(isShownEarly));
      if (!isShown) continue;
      for (const early of held.splice(0)) {
        // A reader sees one answer, and the thinking before it.
        if (context.isAgain && !shown && early.type === 'start') continue;
        if (context.isAgain && !shown && early.type === 'thinking') yield { type: 'thinking', delta: '\n\n' };
        shown ||= early.type !== 'start';
        yield early;
      }
    }
  } finally {
    watchdog.stop(terminal === null);
    if (terminal === null) {
      // The reader left early: let the protocol clean up too.
      events.return?.().catch(() => undefined);
      health.ended(circuit, abortedError(), context.probe);
    }
  }

  if (terminal.type === 'error' && terminal.error.kind === 'aborted' && watchdog.expired) {
    terminal = { ...terminal, error: watchdog.expired };
  }
  if (terminal.type === 'done' && isEmpty(terminal.message)) {
    const { type: _, message: partial, stop, ...rest } = terminal;
    const error = emptyError(stop === 'length', partial.content.length > 0);
    terminal = { ...rest, type: 'error', error, partial };
  }
  const error = terminal.type === 'error' ? terminal.error : null;
  // Where others have used up the time, it was stopped, and has not failed.
  health.ended(circuit, watchdog.outOfTime ? abortedError() : error, context.probe);
  const { report, ...told } = terminal;
  const settlement = await settle({
    ...{ provider, model, endpoint: key.endpoint, error, accepted, outputBytes, report },
    inputTokens: context.inputTokens,
    usage: told.usage,
  });
  const record: AttemptRecord = {
    index: context.index,
    provider,
    model,
    answeredModel: report?.model ?? null,
    wire,
    credentialId: key.credentialId,
    outcome: error?.kind ?? 'ok',
    error: error?.message ?? null,
    status: error?.status ?? null,
    ...settlement,
    startedAt: new Date(startedAt),
    waitedMs: context.waitedMs,
    firstTokenMs,
    durationMs: now() - startedAt,
  };
  return { record, terminal: { ...told, usage: settlement.usage }, committed, shown };
}

/** Of what a vendor sent, which need not be text. */
function bytesOf(event: ModelEvent): number {
  switch (event.type) {
    case 'text':
    case 'thinking':
    case 'toolDelta':
      return Buffer.byteLength(String(event.delta));
    case 'toolStart':
      return Buffer.byteLength(String(event.name));
    default:
      return 0;
  }
}

const isThinking = (event: ModelEvent | undefined): boolean => event?.type === 'thinking';
const isShownEarly = ({ type }: ModelEvent): boolean => type === 'start' || type === 'thinking';

const isVisible = (text: string): boolean => /[^\s\p{Default_Ignorable_Code_Point}]/u.test(text);

/** Whether there is nothing in it that could be used: no text, and no tool call. */
function isEmpty({ content }: AssistantMessage): boolean {
  return content.every((part) => part.type === 'thinking' || (part.type === 'text' && !isVisible(part.text)));
}

/** Whether the model has begun to write. */
function isContent(event: ModelEvent): boolean {
  return event.type === 'text' || event.type === 'thinking' || event.type === 'toolStart';
}

export function failure(error: ModelError): Terminal {
  return { type: 'error', error, partial: { role: 'assistant', content: [] }, usage: null };
}
