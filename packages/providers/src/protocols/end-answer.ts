/** The end of an answer, on every wire: whole, cut, or no answer at all. */
import type { TokenUsage } from '@nightshift/contracts';
import type { Answer } from '../answer.ts';
import { type Finish, finishError } from '../finish-reasons.ts';
import { type Endpoint, ModelError, type ModelEvent } from '../provider.ts';
import type { TextReader } from '../think-tags.ts';

export interface AnswerEnd {
  answer: Answer;
  text: TextReader;
  endpoint: Endpoint;
  /** Null: nobody knows. */
  finish: Finish | null;
  /** The vendor's own word for it. */
  reason: unknown;
  usage: TokenUsage | null;
  /** What the wire still has to say of its tool calls. */
  endCalls?(isCut: boolean): Iterable<ModelEvent>;
}

/** The last event is `done` or `error`. */
export function* endAnswer(end: AnswerEnd): Iterable<ModelEvent> {
  const { answer, text, endpoint, finish, reason, usage } = end;
  const isCut = finish === 'length' || finish === 'window';
  const error = finishError(finish, reason, endpoint);
  yield* text.end(isCut || error !== null);
  if (error) return yield { type: 'error', error, partial: answer.message(), usage };
  yield* end.endCalls?.(isCut) ?? [];
  yield* answer.finish(isCut);
  const message = answer.message();
  // There was no room to answer in: the conversation has to become shorter.
  if (finish === 'window' && message.content.every(({ type }) => type === 'thinking')) {
    const full = new ModelError('context', 'The conversation fills the context window of this model.');
    return yield { type: 'error', error: full, partial: message, usage };
  }
  yield { type: 'done', message, stop: isCut ? 'length' : answer.hasToolCalls ? 'toolCalls' : 'end', usage };
}
