/** One tool call as a step of the journal: begun before the tool acts, finished with what the model is given back. */
import { cutText, type ToolResultPart, textOf } from '@nightshift/contracts';
import { isValueRefused } from '@nightshift/core/database';
import { beginStep, finishStep, type JournalStep } from '@nightshift/core/runs';
import type { Tool } from '@nightshift/tools';
import { noteStoreOf } from './notes.ts';
import type { RunContext } from './run-context.ts';
import { scheduleStoreOf } from './schedules.ts';
import { stopCause } from './stop.ts';
import { callTool, type ToolOutcome, toolFailure } from './tool-call.ts';
import type { PendingCall } from './transcript.ts';

/** What a watcher sees of a tool's result, in characters. The journal has it whole. */
const eventOutputLimit = 2_000;

const interruptedOnce =
  'The server stopped while this tool ran. Whether it took effect is unknown. Do not simply repeat it: check first, or ask.';

const notStored =
  'The tool ran, but its result could not be stored. Do not simply repeat it: ask for less, or check first.';

/**
 * Makes the call. Null: the run was handed over or lost meanwhile, the step stays begun, and the next worker decides by the
 * tool's effect.
 *
 * @param isCrashLoop told how often the step has begun; true ends it before the tool is called
 */
export async function runToolStep(
  context: RunContext,
  tools: readonly Tool[],
  { call, index, interrupted }: PendingCall,
  isCrashLoop: (attempts: number) => Promise<boolean>,
): Promise<JournalStep | 'crash_loop' | null> {
  const { deps, scope, events, stop, log } = context;
  const { name } = call;
  const input = { callId: call.id, arguments: call.arguments };
  const { attempts } = await beginStep(deps.db, scope, { index, kind: 'tool', name, input });
  if (await isCrashLoop(attempts)) return 'crash_loop';
  events.publish({ type: 'step.started', index, kind: 'tool', name, input: call.arguments });
  const started = performance.now();
  let { result, defect } = await attempt(context, tools, call, index, interrupted);
  const cause = stopCause(stop);
  if (cause === 'handover' || cause === 'lane_lost') return null;
  if (defect) log.error({ err: defect, tool: name }, 'tool failed for an internal reason');
  try {
    await finishStep(deps.db, scope, stepOf(index, result));
  } catch (error) {
    if (!isValueRefused(error)) throw error;
    log.error({ err: error, tool: name }, 'the result of a tool could not be stored');
    ({ result } = toolFailure(call, notStored));
    await finishStep(deps.db, scope, stepOf(index, result));
  }
  const { status } = stepOf(index, result);
  // A model may call what there is not, by any name.
  const known = tools.some((tool) => tool.name === name);
  deps.metrics.toolCalls.inc({ tool: known ? name : 'unknown', outcome: status });
  const durationMs = Math.round(performance.now() - started);
  const output = shorten(result);
  events.publish({ type: 'step.finished', index, kind: 'tool', name, status, output, durationMs });
  return { kind: 'tool', index, name, status, attempts, input, output: result };
}

const stepOf = (index: number, output: ToolResultPart) => ({
  ...{ index, output, error: null, usage: null, ledger: [] },
  status: output.isError ? ('failed' as const) : ('succeeded' as const),
});

async function attempt(
  { deps, run, signal, warn }: RunContext,
  tools: readonly Tool[],
  call: PendingCall['call'],
  index: number,
  interrupted: boolean,
): Promise<ToolOutcome> {
  const tool = tools.find(({ name }) => name === call.name);
  if (interrupted && tool?.effect === 'once') {
    warn(`${call.name} was interrupted; whether it took effect is unknown.`);
    return toolFailure(call, interruptedOnce);
  }
  return callTool(call, tools, {
    idempotencyKey: `${run.id}:${index}`,
    signal,
    now: () => new Date(),
    notes: noteStoreOf(deps.db, run),
    schedules: scheduleStoreOf(deps.db, run),
  });
}

function shorten(result: ToolResultPart): string {
  const text = textOf(result.content);
  return text.length > eventOutputLimit ? `${cutText(text, eventOutputLimit)}…` : text;
}
