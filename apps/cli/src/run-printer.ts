import type { Failure, RunEvent } from '@nightshift/contracts';
import { duration } from './terminal/format.ts';
import type { Style } from './terminal/style.ts';
import type { Terminal } from './terminal/terminal.ts';
import { cut, oneLine, printable } from './terminal/text.ts';

/** `✗ what happened`, and below it what to do next. */
export function renderFailure({ message, hint }: Failure, style: Style): string {
  return `${style.red(`✗ ${printable(message)}`)}\n${hint ? `  ${style.dim(printable(hint))}\n` : ''}`;
}

/** The arguments of a tool call on one line; nothing where there are none. */
export function renderArguments(input: unknown): string {
  const text = JSON.stringify(input ?? {});
  return text === '{}' ? '' : ` ${oneLine(text)}`;
}

/**
 * Shows a run as it happens: the text as it comes, each tool call as one line when it has ended, why it failed. On a
 * terminal a line that is wiped again says what is being waited for.
 */
export function createRunPrinter(terminal: Terminal) {
  const { style, write, isTTY } = terminal;
  const toolInputs = new Map<number, unknown>();
  /** The step whose text was printed last. */
  let speaking: number | undefined;
  let atLineStart = true;
  let hasStatus = false;

  const wipeStatus = () => {
    if (hasStatus) write('\r\x1b[2K');
    hasStatus = false;
  };
  const status = (text: string) => {
    if (!isTTY || !atLineStart) return;
    wipeStatus();
    write(style.dim(cut(`${oneLine(text)} …`, terminal.width - 1)));
    hasStatus = true;
  };
  const endLine = () => {
    wipeStatus();
    if (!atLineStart) write('\n');
    atLineStart = true;
  };
  const line = (text: string, paint = style.dim) => {
    endLine();
    write(`${paint(text)}\n`);
  };

  function say(index: number, delta: string): void {
    const text = printable(delta);
    if (text === '') return;
    wipeStatus();
    // What is said before and after a tool are paragraphs of their own.
    if (speaking !== undefined && speaking !== index) write(atLineStart ? '\n' : '\n\n');
    speaking = index;
    write(text);
    atLineStart = text.endsWith('\n');
  }

  function started({ kind, index, name, input }: Extract<RunEvent, { type: 'step.started' }>): void {
    // Another worker took over, and asks the model again.
    if (index === speaking) line('(this broke off and begins again)');
    if (kind === 'tool') toolInputs.set(index, input);
    status(kind === 'tool' ? `→ ${name}${renderArguments(input)}` : name);
  }

  function toolEnded(event: Extract<RunEvent, { type: 'step.finished' }>): void {
    const failed = event.status === 'failed';
    const call = `${oneLine(event.name)}${renderArguments(toolInputs.get(event.index))}`;
    const outcome = `${failed ? '✗' : '✓'} ${duration(event.durationMs)}`;
    const reason = failed ? `: ${oneLine(event.output ?? event.error?.message ?? 'failed')}` : '';
    // The outcome is never what is cut: half a line is left for it.
    const room = Math.max(
      terminal.width - outcome.length - Math.min(reason.length, terminal.width / 2) - 4,
      12,
    );
    line(cut(`→ ${cut(call, room)}  ${outcome}${reason}`, terminal.width), failed ? style.red : style.dim);
  }

  return {
    print(event: RunEvent): void {
      switch (event.type) {
        case 'run.started':
          if (event.attempt > 1) line(`attempt ${event.attempt}`);
          status('working');
          break;
        case 'step.started':
          started(event);
          break;
        case 'thinking.delta':
          status('thinking');
          break;
        case 'text.delta':
          say(event.index, event.text);
          break;
        case 'step.finished':
          if (event.kind === 'tool') toolEnded(event);
          else endLine();
          break;
        case 'run.warning':
          line(`! ${oneLine(event.message)}`, style.yellow);
          break;
        case 'run.waiting':
          line(`… ${oneLine(event.waiting.message)} Until ${event.waiting.until}.`, style.yellow);
          break;
        case 'run.finished':
          endLine();
          if (event.error) write(renderFailure(event.error, style));
          else if (event.status !== 'succeeded') line(event.status, style.yellow);
      }
    },
    /** Says something in between, on a line of its own. */
    note(text: string): void {
      line(text);
    },
    /** Leaves the cursor at the start of a line, whatever was printed last. */
    close: endLine,
  };
}
