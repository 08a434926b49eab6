import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { withLock } from './lock.mjs';
import { fromRoot, root } from './paths.mjs';

const LOCKFILE = fromRoot('package-lock.json');
/** npm writes this one last, so it is there only after an install that went through. */
const INSTALLED = fromRoot('node_modules/.package-lock.json');
const INSTALL_STAMP = fromRoot('node_modules/.nightshift-install');
const PINNED_NODE = fromRoot('node_modules/node/bin/node');
const SCHEMA = fromRoot('prisma/schema.prisma');
const GENERATED = fromRoot('packages/core/src/generated/prisma');
const GENERATE_STAMP = fromRoot('packages/core/src/generated/prisma/.nightshift-schema');

const nodeMajor = Number(process.versions.node.split('.', 1)[0]);

/** What the user can do something about: printed as it is, without a stack. */
export class PreparationError extends Error {}

/**
 * A production image carries no development dependencies, and so neither the pinned node nor Prisma's generator.
 * Everything was put in place when it was built.
 */
const isProductionImage = () => existsSync(INSTALLED) && !existsSync(PINNED_NODE) && nodeMajor >= 24;

/** The Node that runs our TypeScript: the one the lock file pins, or in a production image the one running this. */
export function runtime() {
  if (existsSync(PINNED_NODE)) return PINNED_NODE;
  if (nodeMajor >= 24) return process.execPath;
  throw new PreparationError(
    `Nightshift runs on Node 24, which npm did not install (is "ignore-scripts" set in your npm configuration?), and this is Node ${process.versions.node}.`,
  );
}

/** Everything a command needs before TypeScript can run: dependencies and the generated database client. */
export async function prepare() {
  await ensureInstalled();
  await ensureGenerated();
}

/** True when `prepare` has nothing to do. */
export function isPrepared() {
  if (isProductionImage()) return existsSync(GENERATED);
  return isInstalled() && isGenerated();
}

/** Installs the dependencies when they are missing or not those of package-lock.json. */
export async function ensureInstalled() {
  if (isProductionImage() || isInstalled()) return;
  await withLock('install', async () => {
    if (isInstalled()) return; // Another command did it while this one waited.
    console.error('Installing dependencies (npm ci); the first time this takes a minute or two …');
    const { code, output } = await run(...npm(), [
      ...['ci', '--include=dev', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'],
    ]);
    if (code !== 0) {
      throw new PreparationError(
        `${lastLines(output)}\nThe dependencies could not be installed: npm ci ended with code ${code}.`,
      );
    }
    writeFileSync(INSTALL_STAMP, hashOf(LOCKFILE));
  });
}

/** Generates the database client when it is missing or not that of prisma/schema.prisma. */
export async function ensureGenerated({ force = false } = {}) {
  if (isProductionImage()) {
    if (existsSync(GENERATED)) return;
    throw new PreparationError(
      'The generated database client is missing: this image was not built completely.',
    );
  }
  if (!force && isGenerated()) return;
  await withLock('generate', async () => {
    if (!force && isGenerated()) return;
    console.error('Generating the database client …');
    const { code, output } = await run(runtime(), [
      fromRoot('node_modules/prisma-cli/build/index.js'),
      ...['generate', '--schema', SCHEMA],
    ]);
    if (code !== 0) {
      throw new PreparationError(`${lastLines(output)}\nThe database client could not be generated.`);
    }
    writeFileSync(GENERATE_STAMP, generationHash());
  });
}

function isInstalled() {
  if (!existsSync(INSTALLED)) return false;
  if (read(INSTALL_STAMP) === hashOf(LOCKFILE)) return true;
  // Somebody ran npm by hand. If that gave what the lock file says, it is as good as our own install.
  if (!existsSync(PINNED_NODE) || !matchesLockfile()) return false;
  writeFileSync(INSTALL_STAMP, hashOf(LOCKFILE));
  return true;
}

function matchesLockfile() {
  const wanted = JSON.parse(readFileSync(LOCKFILE, 'utf8')).packages;
  const found = JSON.parse(readFileSync(INSTALLED, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true; // The workspaces themselves.
    const other = found[path];
    // Optional ones are mostly those of other platforms.
    if (other === undefined) return entry.optional === true;
    return (
      other.version === entry.version &&
      other.integrity === entry.integrity &&
      other.resolved === entry.resolved
    );
  });
}

function isGenerated() {
  return existsSync(GENERATED) && read(GENERATE_STAMP) === generationHash();
}

/** The client follows from the schema and from the generator's version. */
function generationHash() {
  const { version } = JSON.parse(readFileSync(fromRoot('node_modules/prisma-cli/package.json'), 'utf8'));
  return `${hashOf(SCHEMA)} ${version}`;
}

/** npm as the system has it, since the Node inside node_modules is about to be replaced. */
function npm() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => !directory.endsWith('node_modules/.bin'));
  if (path.some((directory) => existsSync(`${directory}/npm`)))
    return ['npm', { PATH: path.join(delimiter) }];
  throw new PreparationError('npm was not found, and it is needed to install the dependencies.');
}

/**
 * @param {string} command
 * @param {...any} rest environment (optional) and arguments
 * @returns {Promise<{ code: number | string, output: string }>}
 */
function run(command, ...rest) {
  const args = rest.pop();
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...rest[0],
      // Prisma would download its schema engine before generating; any existing file keeps it from that.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((fulfil) => {
    child.once('error', (error) => fulfil({ code: 127, output: error.message }));
    child.once('close', (code, signal) => fulfil({ code: code ?? signal, output }));
  });
}

/** @param {string} output */
function lastLines(output) {
  return output.trimEnd().split('\n').slice(-15).join('\n');
}

/** @param {string} path */
function hashOf(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
