import type { ChildProcess } from 'node:child_process';

export const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Asks a process to end, waits up to `patienceMs`, then kills it. Does nothing when it has ended. */
export async function endChild(child: ChildProcess, patienceMs = 15_000): Promise<void> {
  if (ended(child) || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await exit;
  clearTimeout(timer);
}
