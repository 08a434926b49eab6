/**
 * Where a run stands, from its messages and its journal alone. A run that goes on in another process and one that never stopped have
 * the same transcript, so there is one way to go on and no special case for recovery.
 */
import type { AssistantMessage, ModelMessage, ToolCallPart, ToolResultPart } from '@nightshift/contracts';
import type { JournalStep } from '@nightshift/core/runs';
import { type ShownPart, userPartsOf } from './attachments.ts';

/** A tool call of the model's last answer that has no result yet. */
export interface PendingCall {
  call: ToolCallPart;
  index: number;
  /** It was begun before a crash or a handover; whether it took effect is unknown. */
  interrupted: boolean;
}

/** What somebody said to the run, before it began or while it worked. */
export interface RunMessage {
  seq: number;
  content: readonly ShownPart[];
}

export interface Transcript {
  /** What the model was told and has said in this run, oldest first. */
  readonly messages: readonly ModelMessage[];
  readonly pendingCalls: readonly PendingCall[];
  /** The index of the next model step. One that was begun and not finished is begun again at its own index. */
  readonly nextIndex: number;
  readonly finishedSteps: number;
  readonly tokens: number;
}

/** What a model is told of an answer that was not in the format that was asked for. */
export const requestOf = (text: string): ModelMessage => ({
  role: 'user',
  content: [{ type: 'text', text }],
});

const callsOf = (message: AssistantMessage): ToolCallPart[] =>
  message.content.filter((part) => part.type === 'toolCall');

/**
 * Each model step says how far it had read (`throughSeq`), so a message that joined the run stands where the model
 * first saw it, also when the journal is read again. Those that no step has read come last. `steps`: by index.
 */
export function readTranscript(own: readonly RunMessage[], steps: readonly JournalStep[]): Transcript {
  const messages: ModelMessage[] = [];
  let calls: ToolCallPart[] = [];
  let results = new Map<string, ToolResultPart>();
  let interrupted = new Map<string, number>();
  let nextIndex = 0;
  let finishedSteps = 0;
  let tokens = 0;

  let told = 0;
  const tell = (throughSeq: number) => {
    for (let next = own[told]; next && next.seq <= throughSeq; next = own[++told]) {
      messages.push({ role: 'user', content: userPartsOf(next.content) });
    }
  };

  // Results follow their calls in the calls' order, whatever order the tools finished in.
  const flush = () => {
    const content = calls.flatMap(({ id }) => results.get(id) ?? []);
    if (content.length > 0) messages.push({ role: 'tool', content });
  };

  for (const step of steps) {
    if (step.kind === 'model') {
      tokens += (step.usage?.input ?? 0) + (step.usage?.output ?? 0);
      if (step.input.task === 'compaction') {
        // What it was about is before the run. One that failed is not made again in its place.
        if (step.status === 'started') continue;
      } else {
        // A failed or unfinished model step is made again in its place.
        if (step.status !== 'succeeded' || !step.output) continue;
        flush();
        tell(step.input.throughSeq);
        if (step.input.repair) messages.push(requestOf(step.input.repair));
        messages.push(step.output.message);
        calls = callsOf(step.output.message);
        results = new Map();
        interrupted = new Map();
      }
    } else if (step.output) {
      results.set(step.input.callId, step.output);
    } else {
      interrupted.set(step.input.callId, step.index);
    }
    nextIndex = step.index + 1;
    if (step.status !== 'started') finishedSteps += 1;
  }
  flush();
  tell(Number.POSITIVE_INFINITY);

  const pendingCalls: PendingCall[] = [];
  for (const call of calls) {
    if (results.has(call.id)) continue;
    const begun = interrupted.get(call.id);
    pendingCalls.push({ call, index: begun ?? nextIndex++, interrupted: begun !== undefined });
  }
  return { messages, pendingCalls, nextIndex, finishedSteps, tokens };
}
