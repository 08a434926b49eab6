/** Every regular expression of the product's sources, as the parser of Vite reads them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'vitest/node';

export interface Pattern {
  /** From the root of the repository. */
  readonly file: string;
  readonly line: number;
  readonly source: string;
  readonly flags: string;
}

export interface Sources {
  readonly patterns: Pattern[];
  /** `RegExp(…)` of what is not a literal: nobody can say what it matches. */
  readonly computed: { readonly file: string; readonly line: number }[];
}

/** Those that outside text can reach: not of tests, and not of generated code. */
export function patternsIn(root: string): Sources {
  const files = globSync('{packages,apps}/*/{src,widget}/**/*.{ts,js}', {
    cwd: root,
    exclude: ['**/generated/**', '**/*.test.ts', '**/*.fixture.ts'],
  });
  const read = files.toSorted().map((file) => patternsOf(file, readFileSync(join(root, file), 'utf8')));
  return {
    patterns: read.flatMap(({ patterns }) => patterns),
    computed: read.flatMap(({ computed }) => computed),
  };
}

export function patternsOf(file: string, text: string): Sources {
  const found: Sources = { patterns: [], computed: [] };
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length;
  const waiting: unknown[] = [parseAst(text, { lang: file.endsWith('.ts') ? 'ts' : 'js' }, file)];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    waiting.push(...Object.values(node).toReversed());
    const { type, start, regex, callee, arguments: given } = node as Node;
    if (type === 'Literal' && regex)
      found.patterns.push({ file, line: lineAt(start), source: regex.pattern, flags: regex.flags });
    if ((type !== 'NewExpression' && type !== 'CallExpression') || callee?.name !== 'RegExp') continue;
    const [source, flags] = (given ?? []).map(({ value }) => value);
    if (typeof source === 'string' && (flags === undefined || typeof flags === 'string'))
      found.patterns.push({ file, line: lineAt(start), source, flags: flags ?? '' });
    else found.computed.push({ file, line: lineAt(start) });
  }
  return found;
}

/** What of the tree (https://github.com/estree/estree) is looked at. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  readonly callee?: { readonly name?: string };
  readonly arguments?: readonly { readonly value?: unknown }[];
}
