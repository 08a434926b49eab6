/** One tool call, from the model's arguments to the result it is given back. Never throws. */
import { cutText, storable, type ToolCallPart, type ToolResultPart } from '@nightshift/contracts';
import { type Tool, type ToolContext, ToolError, type ToolOutput } from '@nightshift/tools';

/** What a model reads of one result, in characters; the rest is cut, and it is told so. */
const resultLimit = 50_000;
const defaultTimeoutSeconds = 60;

export interface ToolOutcome {
  result: ToolResultPart;
  /** A defect of the tool, for the log; the model is only told that it failed. */
  defect?: unknown;
}

/** What tools return may come from anywhere: it is washed here, before it is stored or shown. */
function result(call: ToolCallPart, output: ToolOutput, isError: boolean): ToolResultPart {
  const parts = typeof output === 'string' ? [{ type: 'text' as const, text: output }] : [...output];
  const content = parts.map((part) => {
    if (part.type !== 'text' || part.text.length <= resultLimit) return storable(part);
    const text = cutText(part.text, resultLimit);
    return storable({ ...part, text: `${text}\n[cut: ${part.text.length - text.length} characters more]` });
  });
  return { type: 'toolResult', callId: call.id, name: call.name, content, isError };
}

export const toolFailure = (call: ToolCallPart, message: string): ToolOutcome => ({
  result: result(call, message, true),
});

/**
 * Checks the arguments and runs the tool under its timeout. `tools` are those the agent may use; for any other name
 * the model is told which there are.
 */
export async function callTool(
  call: ToolCallPart,
  tools: readonly Tool[],
  context: ToolContext,
): Promise<ToolOutcome> {
  const tool = tools.find(({ name }) => name === call.name);
  if (!tool) {
    const names = tools.map(({ name }) => name).join(', ') || 'none';
    return toolFailure(call, `There is no tool "${cutText(call.name, 100)}". The tools are: ${names}.`);
  }
  if (call.invalid !== undefined) {
    // Never with the arguments of half a call, or with none in their place.
    return toolFailure(
      call,
      call.invalid.trim() === ''
        ? 'The arguments did not arrive, so the tool was not run. Call it again with all of them.'
        : `The arguments are no valid JSON object: ${cutText(call.invalid, 200)}`,
    );
  }
  const input = tool.input.safeParse(call.arguments);
  if (!input.success) {
    const problems = input.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`,
    );
    return toolFailure(call, `The arguments are wrong. ${problems.join('. ')}`);
  }
  const seconds = tool.timeoutSeconds ?? defaultTimeoutSeconds;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('The tool is too slow.')), seconds * 1000);
  const timeout = late.signal;
  const signal = AbortSignal.any([context.signal, timeout]);
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    // A tool that ignores its signal must not hold the run.
    const output = await Promise.race([tool.execute(input.data, { ...context, signal }), stopped]);
    return { result: result(call, output, false) };
  } catch (error) {
    if (timeout.aborted)
      return toolFailure(call, `The tool did not finish within ${seconds} s and was stopped.`);
    if (context.signal.aborted) return toolFailure(call, 'The tool was stopped because the run was.');
    if (error instanceof ToolError) return toolFailure(call, error.message);
    return { ...toolFailure(call, 'The tool failed for an internal reason.'), defect: error };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
