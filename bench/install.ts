/** What an installation takes: of the production dependencies, and of everything as `npm start` installs it. */
import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench, Figure } from './lib/bench.ts';
import { npm } from './lib/npm.ts';
import { temporaryDirectory } from './lib/temporary.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const kinds = [
  { id: 'production', label: 'production install', flags: ['--omit=dev'] },
  { id: 'full', label: 'install by npm start', flags: ['--include=dev'] },
] as const;

export const install: Bench = {
  name: 'install',
  about: 'size, package count and duration of npm ci in a clean copy (needs the npm registry)',
  against: 'npm ci of the committed lock file in a copy of the checkout, with an empty npm cache.',
  async run({ resources, log }) {
    const figures: Figure[] = [];
    for (const { id, label, flags } of kinds) {
      const copy = temporaryDirectory(resources);
      copyCheckout(copy);
      log(`npm ci ${flags.join(' ')} …`);
      const cache = temporaryDirectory(resources);
      const began = performance.now();
      await npm(['ci', ...flags, '--cache', cache], copy);
      const seconds = (performance.now() - began) / 1000;
      const modules = join(copy, 'node_modules');
      figures.push(
        { id: `install.${id}.size`, label: `${label}: size`, value: sizeMb(modules), unit: 'MB' },
        { id: `install.${id}.packages`, label: `${label}: count`, value: count(modules), unit: 'packages' },
        { id: `install.${id}.time`, label: `${label}: duration`, value: seconds, unit: 's' },
      );
    }
    return figures;
  },
};

/** The files that are, or would be, committed. */
function copyCheckout(target: string): void {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const file of new Set(files.split('\0').filter(Boolean))) {
    if (lstatSync(join(root, file), { throwIfNoEntry: false }))
      cpSync(join(root, file), join(target, file), { verbatimSymlinks: true });
  }
}

/** As `du` counts: the blocks on the disk, hard links once. */
function sizeMb(directory: string): number {
  const seen = new Set<number>();
  let blocks = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const status = lstatSync(join(entry.parentPath, entry.name));
    if (seen.has(status.ino)) continue;
    seen.add(status.ino);
    blocks += status.blocks;
  }
  return (blocks * 512) / 1e6;
}

/** Without our own workspaces, which are links. */
function count(modules: string): number {
  const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as {
    packages: Record<string, { link?: boolean }>;
  };
  return Object.entries(lock.packages).filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .length;
}
