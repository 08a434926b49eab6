/**
 * Where a run stands, from its journal alone. A run that goes on in another process and one that never stopped have
 * the same transcript, so there is one way to go on and no special case for recovery.
 */
import type { AssistantMessage, ModelMessage, ToolCallPart, ToolResultPart } from '@nightshift/contracts';
import type { JournalStep } from '@nightshift/core/runs';

/** A tool call of the model's last answer that has no result yet. */
export interface PendingCall {
  call: ToolCallPart;
  index: number;
  /** It was begun before a crash or a handover; whether it took effect is unknown. */
  interrupted: boolean;
}

export interface Transcript {
  /** What the model has said and been told in this run, oldest first. */
  readonly messages: readonly ModelMessage[];
  readonly pendingCalls: readonly PendingCall[];
  /** The index of the next model step. One that was begun and not finished is begun again at its own index. */
  readonly nextIndex: number;
  readonly finishedSteps: number;
  readonly tokens: number;
}

const callsOf = (message: AssistantMessage): ToolCallPart[] =>
  message.content.filter((part) => part.type === 'toolCall');

export function readTranscript(steps: readonly JournalStep[]): Transcript {
  const messages: ModelMessage[] = [];
  let calls: ToolCallPart[] = [];
  let results = new Map<string, ToolResultPart>();
  let interrupted = new Map<string, number>();
  let nextIndex = 0;
  let finishedSteps = 0;
  let tokens = 0;

  // Results follow their calls in the calls' order, whatever order the tools finished in.
  const flush = () => {
    const content = calls.flatMap(({ id }) => results.get(id) ?? []);
    if (content.length > 0) messages.push({ role: 'tool', content });
  };

  for (const step of steps) {
    if (step.kind === 'model') {
      tokens += (step.usage?.input ?? 0) + (step.usage?.output ?? 0);
      // A failed or unfinished model step is made again in its place.
      if (step.status !== 'succeeded' || !step.output) continue;
      flush();
      messages.push(step.output.message);
      calls = callsOf(step.output.message);
      results = new Map();
      interrupted = new Map();
    } else if (step.output) {
      results.set(step.input.callId, step.output);
    } else {
      interrupted.set(step.input.callId, step.index);
    }
    nextIndex = step.index + 1;
    if (step.status !== 'started') finishedSteps += 1;
  }
  flush();

  const pendingCalls: PendingCall[] = [];
  for (const call of calls) {
    if (results.has(call.id)) continue;
    const begun = interrupted.get(call.id);
    pendingCalls.push({ call, index: begun ?? nextIndex++, interrupted: begun !== undefined });
  }
  return { messages, pendingCalls, nextIndex, finishedSteps, tokens };
}
