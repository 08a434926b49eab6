import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** @returns the path of a program, looked up as a shell does, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here, or not for us.
    }
  }
  return undefined;
}

export function hasProgram(name: string): boolean {
  return findProgram(name) !== undefined;
}

/**
 * Like `describe`, for tests that need a program no npm package brings. Where it is absent they are skipped under a
 * name that says so; under CI they fail instead, since a build that quietly tests less is worse than a red one.
 */
export function describeWith(program: string, name: string, tests: () => void): void {
  if (hasProgram(program)) {
    describe(name, tests);
  } else if (process.env.CI) {
    describe(name, () => {
      throw new Error(`The program "${program}" is not installed, and under CI its tests have to run.`);
    });
  } else {
    describe.skip(`${name} (skipped: the program "${program}" is not installed)`, tests);
  }
}
