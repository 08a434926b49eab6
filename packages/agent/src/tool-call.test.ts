import type { ToolCallPart } from '@nightshift/contracts';
import { defineTool, type Tool, ToolError } from '@nightshift/tools';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callTool } from './tool-call.ts';

const call = (name: string, args: Record<string, unknown> = {}): ToolCallPart => ({
  type: 'toolCall',
  id: 'call_1',
  name,
  arguments: args,
});

function toolOf(execute: Tool['execute'], more: Partial<Tool> = {}): Tool {
  return defineTool({
    name: 'test.tool',
    description: 'For the test.',
    input: z.strictObject({}),
    effect: 'none',
    execute,
    ...more,
  });
}

/** Runs the tool; `signal` is the run's. */
const run = (tool: Tool, signal = new AbortController().signal) =>
  callTool(call('test.tool'), [tool], { signal } as Parameters<typeof callTool>[2]);

const textOf = ({ result }: Awaited<ReturnType<typeof run>>) =>
  result.content.map((part) => (part.type === 'text' ? part.text : part.type)).join('');

describe('callTool', () => {
  it('gives back what the tool returns, under the call', async () => {
    const outcome = await run(toolOf(async () => 'done'));
    expect(outcome).toEqual({
      result: {
        type: 'toolResult',
        callId: 'call_1',
        name: 'test.tool',
        content: [{ type: 'text', text: 'done' }],
        isError: false,
      },
    });
  });

  it('shows the model a ToolError, and of a defect nothing but that there was one', async () => {
    const refused = await run(toolOf(() => Promise.reject(new ToolError('There is no such file.'))));
    expect(textOf(refused)).toBe('There is no such file.');
    expect(refused).not.toHaveProperty('defect');

    const defect = new Error('password=hunter2');
    const failed = await run(toolOf(() => Promise.reject(defect)));
    expect(failed).toMatchObject({ defect, result: { isError: true } });
    expect(textOf(failed)).not.toContain('hunter2');
  });

  it('does not run with arguments that are none, or did not arrive', async () => {
    let ran = false;
    const tool = toolOf(async () => {
      ran = true;
      return 'done';
    });
    for (const [invalid, message] of [
      ['', 'did not arrive'],
      ['{}{}', 'no valid JSON object: {}{}'],
    ] as const) {
      const context = { signal: new AbortController().signal } as Parameters<typeof callTool>[2];
      const outcome = await callTool({ ...call('test.tool'), invalid }, [tool], context);
      expect(textOf(outcome)).toContain(message);
    }
    expect(ran).toBe(false);
  });

  it('stops a tool that takes too long, whether or not it listens', async () => {
    let stopped = false;
    const deaf = toolOf(
      (_input, { signal }) => {
        signal.addEventListener('abort', () => {
          stopped = true;
        });
        return new Promise(() => {});
      },
      { timeoutSeconds: 0.05 },
    );
    expect(textOf(await run(deaf))).toContain('did not finish within 0.05 s');
    expect(stopped).toBe(true);
  });

  it('stops with the run', async () => {
    const controller = new AbortController();
    const running = run(
      toolOf(() => new Promise(() => {})),
      controller.signal,
    );
    controller.abort(new Error('cancelled'));
    expect(textOf(await running)).toBe('The tool was stopped because the run was.');
  });

  it('cuts what is too long for a model, and says so', async () => {
    const text = textOf(await run(toolOf(async () => 'x'.repeat(60_000))));
    expect(text).toMatch(/x\n\[cut: 10000 characters more\]$/);
    expect(text.length).toBeLessThan(50_100);
  });

  it('names the tools there are to a model that calls another', async () => {
    const outcome = await callTool(call('nothing'), [], {} as never);
    expect(textOf(outcome)).toBe('There is no tool "nothing". The tools are: none.');
  });
});
