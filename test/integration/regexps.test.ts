/**
 * No regular expression of the product takes longer than its text is long, for strangers choose the text. New ones are
 * found in the sources. One that fails here is best replaced by plain code: `@nightshift/contracts/text`.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { slownessOf } from '../support/growth/judge.ts';
import { type Pattern, patternsIn, patternsOf } from '../support/growth/patterns.ts';

/** What may be slower, since its text is always short: where it is, and what bounds its text. */
const exceptions: readonly { file: string; source: string; bound: string }[] = [];

/** Made of strings: whose they are, and what bounds their text. */
const allowed: readonly { file: string; bound: string }[] = [
  {
    file: 'apps/cli/src/commands/channel-fields.ts',
    bound: 'a pattern of the catalogue, on what a person has typed into their own terminal',
  },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const { patterns, computed } = patternsIn(root);

const workspaceOf = ({ file }: Pattern) => file.split('/').slice(0, 2).join('/');
const workspaces = [...Map.groupBy(patterns, workspaceOf)];

const isExcepted = ({ file, source }: Pattern) =>
  exceptions.some((exception) => exception.file === file && exception.source === source);

describe('the regular expressions of the product', () => {
  it('are found', () => {
    expect(workspaces.map(([name]) => name)).toEqual(
      expect.arrayContaining(['apps/api', 'packages/channels', 'packages/core', 'packages/contracts']),
    );
    expect(patterns.some(({ file }) => file.startsWith('apps/api/widget/'))).toBe(true);
  });

  it.each(workspaces)('%s: none is slower than its text is long', (_name, some) => {
    const slow = some.filter((pattern) => !isExcepted(pattern)).flatMap(describeSlow);
    expect(slow).toEqual([]);
  });

  it('are literals, so that all of this can be said of them', () => {
    expect(computed.map(({ file }) => file)).toEqual(allowed.map(({ file }) => file));
  });

  it('are excepted only while they are there and slow', () => {
    const stale = exceptions.filter(
      ({ file, source }) =>
        !patterns.some((pattern) => pattern.file === file && pattern.source === source && slow(pattern)),
    );
    expect(stale).toEqual([]);
  });
});

const slow = ({ source, flags }: Pattern) => slownessOf(source, flags) !== null;

function describeSlow({ file, line, source, flags }: Pattern): string[] {
  const slowness = slownessOf(source, flags);
  return slowness === null ? [] : [`${file}:${line} /${source}/${flags} ${slowness}`];
}

describe('what is found', () => {
  it('are literals and RegExp of strings, in TypeScript and JavaScript', () => {
    const text = 'const a: RegExp = /a+/g;\nnew RegExp("b+", "u");\nRegExp("c");\n"/no/"; x / y / z;';
    const found = patternsOf('x.ts', text).patterns.map(({ line, source, flags }) => [line, source, flags]);
    expect(found).toEqual([
      [1, 'a+', 'g'],
      [2, 'b+', 'u'],
      [3, 'c', ''],
    ]);
  });

  it('is also what is put together at run time', () => {
    expect(patternsOf('x.js', 'a;\nnew RegExp("^" + name)').computed).toEqual([{ file: 'x.js', line: 2 }]);
  });
});

describe('a pattern is judged to be slow', () => {
  it.each([
    ['runs at the end', /[:,!.]+$/],
    ['white space at the end', /\s+$/m],
    ['a run before something else', /x*y/g],
    ['a lazy run before something else', /a.*?b.*?c$/],
    ['runs that can be split anywhere', /^(?:\s|\w)*\s*:/],
    ['a repeated repetition', /^(?:a*)*b/],
    ['alternatives that are alike', /^(?:a|aa)+$/],
    ['tags that do not end', /<li[^>]*>/g],
    ['comments that do not end', /<!--(?:(?!-->)[\s\S])*-->/],
    ['statements that do not end', /^import [^;]*;\n/gm],
    ['a look ahead to the end', / and (?=[^,]*$)/],
    ['strings that do not end', /(?:"(?:[^"\\]|\\.)*"|[^;])+/g],
    ['a look behind over all of it', /(?<=a.*)b/g],
    ['marks at words', /(?<!\w)_+|_+(?!\w)/g],
    ['a counted run before something else', /[a-z]{3,}@/],
  ])('%s: %s', (_name, { source, flags }) => {
    expect(slownessOf(source, flags)).not.toBeNull();
  });

  it.each([
    ['a class', /[<>&"']/g],
    ['a run', /\s+/g],
    ['a run at the beginning', /^[:,!.]+/],
    ['what ends where it may begin again', /<[^<>]*>/g],
    ['a bounded run', /^[\w-]{1,2000}$/],
    ['an anchored number', /^\s*-?\d+(?:\.\d+)?\s*$/],
    ['a sticky run', /(\d+(?:\.\d+)?)(ms|s)/gy],
  ])('but not %s: %s', (_name, { source, flags }) => {
    expect(slownessOf(source, flags)).toBeNull();
  });
});
