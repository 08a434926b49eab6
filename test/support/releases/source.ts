/** The source of a release: what its processes need, packed when it is recorded, unpacked to run beside this checkout. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { checkout } from './releases.ts';

const file = 'source.tar.br';

/** The worker with tools is part of it: tests stop a run in one of them, whichever version runs it. */
const packed = [
  'package.json',
  'prisma',
  'packages',
  'apps/api',
  'apps/worker',
  'test/support/faults/worker-with-tools.ts',
  ':(exclude,glob)**/*.test.ts',
];

/** Writes the source of a git revision into the release's folder. */
export function packSource(revision: string, directory: string): void {
  const tar = execFileSync('git', ['archive', revision, '--', ...packed], {
    cwd: checkout,
    maxBuffer: 64 * 1024 * 1024,
  });
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: tar.length,
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), brotliCompressSync(tar, { params }));
}

export interface UnpackedSource {
  /** Where it is, as {@link Launch.root}. */
  root: string;
  remove(): void;
}

/** Unpacks a release into a temporary folder, ready to run with the dependencies of this checkout. */
export function unpackSource(directory: string): UnpackedSource {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-release-'));
  const remove = () => rmSync(root, { recursive: true });
  try {
    const tar = brotliDecompressSync(readFileSync(join(directory, file)));
    execFileSync('tar', ['-x', '-C', root], { input: tar });
    linkDependencies(root);
    generateClient(root);
    return { root, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** All packages are those of this checkout, except for the product's own, which are the release's. */
function linkDependencies(root: string): void {
  const own = '@nightshift';
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, own), { recursive: true });
  for (const name of readdirSync(join(checkout, 'node_modules'))) {
    if (name === own || name.startsWith('.')) continue;
    symlinkSync(join(checkout, 'node_modules', name), join(modules, name));
  }
  for (const workspaces of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, workspaces))) {
      symlinkSync(join(root, workspaces, name), join(modules, own, name));
    }
  }
}

/** The client has to fit the installed Prisma, so it is not part of what is packed. */
function generateClient(root: string): void {
  const cli = join(checkout, 'node_modules/prisma-cli/build/index.js');
  execFileSync(process.execPath, [cli, 'generate', '--schema', join(root, 'prisma/schema.prisma')], {
    cwd: root,
    stdio: 'pipe',
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      // As in scripts/lib/prepare.mjs: any existing file keeps Prisma from downloading its schema engine.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
}
