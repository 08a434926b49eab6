/** The memory of a process and all it started, from /proc (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

/** @returns undefined when the process is gone */
function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** The process and its descendants. */
function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    // `pid (name) state ppid …`, where the name may hold anything.
    const parent = Number.isInteger(pid) && read(pid, 'stat')?.split(') ').at(-1)?.split(' ')[1];
    if (parent) children.set(Number(parent), [...(children.get(Number(parent)) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/**
 * Proportional set size of the whole tree, in megabytes (10⁶ bytes): memory that several processes share is counted
 * once, each of them with its share. https://docs.kernel.org/filesystems/proc.html
 */
export function treeMemoryMb(root: number): number {
  const kilobytes = treeOf(root).map((pid) =>
    Number(/^Pss:\s+(\d+) kB$/m.exec(read(pid, 'smaps_rollup') ?? '')?.[1] ?? 0),
  );
  return (kilobytes.reduce((sum, value) => sum + value, 0) * 1024) / 1e6;
}
