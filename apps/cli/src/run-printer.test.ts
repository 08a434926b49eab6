import type { RunEvent } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';
import { createRunPrinter } from './run-printer.ts';
import { createStyle } from './terminal/style.ts';

function print(events: RunEvent[], terminal: { isTTY?: boolean; width?: number } = {}): string {
  let out = '';
  const printer = createRunPrinter({
    isTTY: false,
    width: 80,
    style: createStyle(false),
    ...terminal,
    write: (text) => {
      out += text;
    },
  });
  for (const event of events) printer.print(event);
  printer.close();
  return out;
}

const started = (index: number, kind: 'model' | 'tool', name: string, input?: unknown): RunEvent => ({
  type: 'step.started',
  index,
  kind,
  name,
  input,
});
const said = (index: number, text: string): RunEvent => ({ type: 'text.delta', index, text });
const finished = (index: number, kind: 'model' | 'tool', name: string, more: object = {}): RunEvent => ({
  type: 'step.finished',
  index,
  kind,
  name,
  status: 'succeeded',
  durationMs: 12,
  ...more,
});
const begin: RunEvent = { type: 'run.started', runId: 'r', attempt: 1 };
const end = (more: object = {}): RunEvent => ({
  type: 'run.finished',
  runId: 'r',
  status: 'succeeded',
  ...more,
});

const wholeRun = [
  begin,
  started(0, 'model', 'demo/guide'),
  said(0, 'I ask '),
  said(0, 'the clock.'),
  finished(0, 'model', 'demo/guide'),
  started(1, 'tool', 'time.now', { timezone: 'UTC' }),
  finished(1, 'tool', 'time.now', { output: 'noon' }),
  started(2, 'model', 'demo/guide'),
  said(2, 'Noon.'),
  finished(2, 'model', 'demo/guide'),
  end(),
];

describe('a run as it is shown', () => {
  it('is its text, with each tool call on a line of its own', () => {
    expect(print(wholeRun)).toBe('I ask the clock.\n→ time.now {"timezone":"UTC"}  ✓ 12ms\n\nNoon.\n');
  });

  it('says on a terminal what it waits for, and wipes that again', () => {
    const out = print(wholeRun, { isTTY: true });
    expect(out).toContain('→ time.now {"timezone":"UTC"} …\r\x1b[2K');
    const lines = out.replace(/(?:^|\n)[^\n]*\r\x1b\[2K/g, (wiped) => (wiped.startsWith('\n') ? '\n' : ''));
    expect(lines).toBe(print(wholeRun));
  });

  it('shows why a tool failed, within one line', () => {
    const input = { text: 'x'.repeat(500) };
    const failure = { status: 'failed', output: `no such\nzone ${'y'.repeat(500)}` };
    const out = print([
      started(0, 'tool', 'notes.write', input),
      finished(0, 'tool', 'notes.write', failure),
    ]);
    expect(out).toMatch(/^→ notes\.write \{"text":"x+… {2}✗ 12ms: no such zone y+…\n$/);
    expect(out.length).toBeLessThanOrEqual(81);
  });

  it('tells tools apart that run at once', () => {
    const out = print([
      started(0, 'tool', 'a', { n: 1 }),
      started(1, 'tool', 'b', { n: 2 }),
      finished(1, 'tool', 'b'),
      finished(0, 'tool', 'a'),
    ]);
    expect(out).toBe('→ b {"n":2}  ✓ 12ms\n→ a {"n":1}  ✓ 12ms\n');
  });

  it('ends with the failure and what to do about it', () => {
    const error = { code: 'no_credential', message: 'There is no key.', hint: 'Store one.' };
    expect(print([begin, said(0, 'Well'), end({ status: 'failed', error })])).toBe(
      'Well\n✗ There is no key.\n  Store one.\n',
    );
  });

  it('says that it was cancelled', () => {
    expect(print([begin, said(0, 'one two'), end({ status: 'cancelled' })])).toBe('one two\ncancelled\n');
  });

  it('says when another worker begins the answer again', () => {
    const out = print([
      begin,
      started(0, 'model', 'm'),
      said(0, 'one'),
      started(0, 'model', 'm'),
      said(0, 'one two'),
    ]);
    expect(out).toBe('one\n(this broke off and begins again)\none two\n');
  });

  it('names the attempt of a run that was retried', () => {
    expect(print([{ type: 'run.started', runId: 'r', attempt: 2 }, said(0, 'ok')])).toBe('attempt 2\nok\n');
  });

  it('lets no escape sequence of a model through', () => {
    expect(print([said(0, 'a\x1b[31'), said(0, 'mb\x1b]0;x\x07')])).toBe(
      'a<U+001B>[31mb<U+001B>]0;x<U+0007>\n',
    );
  });
});
