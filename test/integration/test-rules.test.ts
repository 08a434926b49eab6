/** What holds for all tests, so that they pass on a loaded machine, beside other users, and a second time. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Rule {
  what: string;
  pattern: RegExp;
  broken: string;
}

const rules: Rule[] = [
  {
    what: 'no upper bound on the time that passed: a loaded machine breaks it (bench/ measures)',
    pattern: /expect\([^;]*\b(?:performance|Date)\.now\(\) - \w+[^;]*\)\s*\.toBeLessThan/,
    broken: 'expect(performance.now() - began).toBeLessThan(5_000);',
  },
  {
    what: 'no test is skipped without a reason that the summary shows',
    pattern: /\b(?:it|test|describe)\.(?:skip|todo)\((?![^,]*skipped: )|\.skip\(\)/,
    broken: "it.skip('works', () => undefined);",
  },
  {
    what: 'no test is left out on some machines without a reason that the summary shows',
    pattern: /\b(?:it|test|describe)\.(?:skipIf|runIf)\([^()]*\)\((?!\s*`[^`]*\$\{)/,
    broken: "it.runIf(isRoot)('works', () => undefined);",
  },
  {
    what: 'no test is the only one',
    pattern: /\b(?:it|test|describe)\.only\b/,
    broken: "it.only('works', () => undefined);",
  },
  {
    what: 'no name in the temporary directory that another user may have taken',
    pattern: /(?<!mkdtempSync\(|mkdtemp\()join\(tmpdir\(\), ['"`]/,
    broken: "join(tmpdir(), 'nightshift')",
  },
];

const files = globSync(['{apps,packages}/*/src/**/*.test.ts', 'test/**/*.ts'], { cwd: root });

describe.each(rules)('$what', ({ pattern, broken }) => {
  it('is seen where it is broken', () => expect(broken).toMatch(pattern));

  it('holds', () => {
    const own = fileURLToPath(import.meta.url);
    const breaking = files.filter(
      (file) => !own.endsWith(file) && pattern.test(readFileSync(`${root}/${file}`, 'utf8')),
    );
    expect(files.length).toBeGreaterThan(300);
    expect(breaking).toEqual([]);
  });
});
