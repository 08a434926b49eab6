/** The documents against the checkout: what they link to, tell to type and name has to be there. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Fence {
  language: string;
  text: string;
}

interface Document {
  path: string;
  text: string;
  /** Without its code blocks. */
  prose: string;
  fences: Fence[];
  /** What stands between backticks in the prose. */
  spans: string[];
}

const documents: Document[] = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).map((path) => {
  const text = read(path);
  const fence = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;
  const prose = text.replace(fence, '');
  return {
    path,
    text,
    prose,
    fences: [...text.matchAll(fence)].map(([, , language, body]) => ({ language: language!, text: body! })),
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!),
  };
});

/** GitHub's anchor of a heading. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsOf = (markdown: string) => [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1]!));

function* problemsOf<T>(
  find: (document: Document) => Iterable<T>,
  isWrong: (found: T, document: Document) => boolean,
) {
  let count = 0;
  for (const document of documents) {
    for (const found of find(document)) {
      count++;
      if (isWrong(found, document)) yield `${document.path}: ${found}`;
    }
  }
  // A pattern that finds nothing checks nothing.
  if (count === 0) yield 'nothing was found to check';
}

it('links to files and headings that exist', () => {
  const links = ({ prose }: Document) =>
    [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!).filter((link) => !/^\w+:/.test(link));
  const isBroken = (link: string, { path, prose }: Document) => {
    const [file, anchor] = link.split('#', 2);
    const target = file ? resolve(root, dirname(path), file) : undefined;
    if (target !== undefined && !existsSync(target)) return true;
    if (anchor === undefined) return false;
    return !anchorsOf(target === undefined ? prose : readFileSync(target, 'utf8')).includes(anchor);
  };
  expect([...problemsOf(links, isBroken)]).toEqual([]);
});

it('names npm scripts that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = ({ text }: Document) => [
    ...[...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map((match) => match[1]!),
    ...[...text.matchAll(/\bnpm (start|test)\b/g)].map((match) => match[1]!),
  ];
  expect([...problemsOf(named, (name) => !(name in scripts))]).toEqual([]);
});

it('names files of this checkout that exist', () => {
  const paths = ({ spans }: Document) =>
    spans.filter((span) => /^(apps|packages|prisma|scripts|test|bench|docs)\/[\w./-]+$/.test(span));
  expect([...problemsOf(paths, (path) => !existsSync(join(root, path)))]).toEqual([]);
});

it('names environment variables, and other constants, that the code knows', () => {
  const sources = globSync(['{packages,apps}/*/src/**/*.ts', 'scripts/**/*.mjs'], {
    cwd: root,
    exclude: ['**/generated/**', '**/*.test.ts'],
  });
  const code = [...sources, 'docker-compose.yml', 'Dockerfile'].map(read).join('\n');
  const known = new Set(code.match(/\b[A-Z][A-Z0-9_]+\b/g));
  const named = ({ spans, fences }: Document) =>
    [...spans, ...fences.filter(({ language }) => language === 'sh').map(({ text }) => text)].flatMap(
      (text) => text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [],
    );
  expect([...problemsOf(named, (name) => !known.has(name))]).toEqual([]);
});

it('shows JSON that parses', () => {
  const json = ({ fences }: Document) =>
    fences.filter(({ language }) => language === 'json').map(({ text }) => text);
  const isBroken = (text: string) => {
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  };
  expect([...problemsOf(json, isBroken)]).toEqual([]);
});
