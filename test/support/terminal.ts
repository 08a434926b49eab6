/** A real terminal, 100 columns wide, for what only shows on one: tmux holds it, types into it and reads its screen. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TestTerminal extends AsyncDisposable {
  /** Text, and keys by tmux's names: `Enter`, `C-c`, … */
  type(...keys: string[]): void;
  /** As a terminal pastes: in brackets where the program asked for them. */
  paste(text: string): void;
  /** Waits until the screen matches. @returns the screen. @throws Error with the screen, when it does not in time */
  shows(pattern: RegExp, withinMs?: number): Promise<string>;
}

/** Runs a shell command in a terminal of its own. The screen stays until it is disposed. */
export async function openTerminal(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<TestTerminal> {
  // A server of its own, so that nothing of the user's tmux is touched.
  const socket = `nightshift-test-${randomBytes(4).toString('hex')}`;
  const tmux = (args: string[], input?: string) =>
    execFileSync('tmux', ['-u', '-L', socket, '-f', '/dev/null', ...args], {
      env,
      encoding: 'utf8',
      input: input ?? '',
    });
  tmux(['new-session', '-d', '-x', '100', '-y', '50', '-s', 'test', `${command}; sleep 600`]);
  const screen = () => tmux(['capture-pane', '-t', 'test', '-p']).trimEnd();
  return {
    type(...keys) {
      for (const key of keys) tmux(['send-keys', '-t', 'test', key]);
    },
    paste(text) {
      tmux(['load-buffer', '-'], text);
      tmux(['paste-buffer', '-p', '-t', 'test']);
    },
    async shows(pattern, withinMs = 60_000) {
      for (const deadline = Date.now() + withinMs; ; await sleep(100)) {
        // An empty prompt ends with a blank, which the screen does not tell from none.
        const shown = screen().replace(/>$/, '> ');
        if (pattern.test(shown)) return shown;
        if (Date.now() > deadline)
          throw new Error(`Not within ${withinMs} ms: ${pattern}. The screen:\n${shown}`);
      }
    },
    async [Symbol.asyncDispose]() {
      tmux(['kill-server']);
    },
  };
}
