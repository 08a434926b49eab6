import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  choosePostgresLauncher,
  findPostgresBinaries,
  POSTGRES_ENVIRONMENT,
  type PostgresBinaries,
} from './postgres-binaries.ts';
import { PostgresError } from './postgres-error.ts';
import { findPostmaster, retireOrphans } from './postgres-orphans.ts';
import { exitOf, run } from './postgres-program.ts';
import {
  asSuperuser,
  DATABASE,
  ROLE,
  type RoleOptions,
  restrictions,
  restrictRole,
  type SingleUser,
  stampRestricted,
  UNSAFE_SETTINGS,
  writeAccessRules,
} from './postgres-role.ts';

export { PostgresError, type PostgresErrorCode } from './postgres-error.ts';
export { retireOrphans };

const SUPERUSER = 'postgres';

/** Part of the socket's file name only: every cluster has a socket directory of its own. */
const PORT = 5432;

/** Bytes of a socket's path that every system takes (107 on Linux, 103 on macOS). */
const SOCKET_PATH_MAX = 103;

/** Written to postgresql.conf when the cluster is made, so that an operator can change them there. */
const INITIAL_SETTINGS = {
  // An api and fourteen workers; a connection that is not used costs next to nothing.
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  min_wal_size: '64MB',
  jit: 'off',
};

/** Given on the command line: what the code relies on, whatever postgresql.conf says. */
const FIXED_SETTINGS = {
  listen_addresses: '',
  port: String(PORT),
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '',
  lc_messages: 'C',
  // Failed statements are reported to the client, which logs them redacted. Here they would show what is in a row.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

export interface EmbeddedPostgresOptions {
  /** The cluster's directory; made, with an empty `nightshift` database, when it is missing. */
  directory: string;
  /**
   * False gives up safety against a power cut for speed: for tests.
   * @default true
   */
  durable?: boolean;
  /**
   * True lets the role make databases beside its own, and connect to them: for tests.
   * @default false
   */
  createDatabases?: boolean;
  /** More settings, e.g. `{ max_connections: '300' }`; these win over all others. */
  settings?: Record<string, string>;
  /** Receives each line of the server's log, e.g. `LOG:  database system is ready to accept connections`. */
  log?: (line: string) => void;
  /** Milliseconds within which the server has to be ready, recovery after a crash included. @default 120 000 */
  startTimeoutMs?: number;
}

export interface EmbeddedPostgres {
  /** Connection string of the `nightshift` database, as its owner. */
  readonly url: string;
  /** Connection string of another database, as the same role. */
  urlOf(database: string): string;
  readonly pid: number;
  /** Fulfilled when the server has ended, for whatever reason. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /**
   * Ends the server: a fast shutdown (clients are cut off, everything is written), after `patienceMs` an immediate one
   * (the next start recovers from the log).
   */
  stop(patienceMs?: number): Promise<void>;
  /** Ends the server at once. */
  kill(): void;
}

/**
 * Starts PostgreSQL on a cluster directory, reachable through a unix socket in a directory closed to other users
 * (no port to collide, no password to keep). Whoever calls this must hold a lock on the directory: a server of an
 * earlier run found there is ended.
 *
 * @throws {PostgresError} with a sentence for the operator; nothing is left running then.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const { durable = true, createDatabases = false } = options;
  const binaries = findPostgresBinaries();
  const { launcher, owner } = choosePostgresLauncher(directory);
  const roles = { createDatabases };
  const single: SingleUser = { launcher, postgres: binaries.postgres, durable };
  if (!isCluster(directory, binaries.major)) await createCluster(directory, binaries, single, roles);
  await retireOrphans(directory);
  if (owner !== undefined) giveTo(owner, directory);
  await restrictRole(directory, single, roles);
  const access = writeAccessRules(directory, roles, owner);

  const sockets = prepareSocketDirectory(directory, owner);
  // Left by a killed server. As with postmaster.pid, the number in the lock may be another program's by now.
  for (const suffix of ['', '.lock']) rmSync(join(sockets, `.s.PGSQL.${PORT}${suffix}`), { force: true });
  const settings = { ...FIXED_SETTINGS, ...(durable ? {} : UNSAFE_SETTINGS), ...options.settings };
  const flags = Object.entries({ ...settings, unix_socket_directories: sockets, hba_file: access });
  const [command, ...args] = [
    ...launcher,
    binaries.postgres,
    '-D',
    directory,
    ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const child = spawn(command!, args, {
    env: POSTGRES_ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C reaches a terminal's whole group, and the database has to outlive its clients.
    detached: true,
  });
  const exited = exitOf(child);
  await ready(child, exited, options);

  const urlOf = (database: string) => connectionString(sockets, PORT, database);
  return {
    url: urlOf(DATABASE),
    urlOf,
    pid: child.pid!,
    exited,
    kill: () => void child.kill('SIGKILL'),
    async stop(patienceMs = 3_000) {
      for (const [signal, patience] of [
        ['SIGINT', patienceMs],
        ['SIGQUIT', 1_000],
        ['SIGKILL', 1_000],
      ] as const) {
        child.kill(signal);
        if (await within(patience, exited)) return;
      }
    },
  };
}

/**
 * @returns the connection string of the server that is running on a cluster, started by whichever process, or
 * undefined when none is.
 */
export function findRunningPostgres(directory: string): string | undefined {
  const postmaster = findPostmaster(resolve(directory));
  if (postmaster === undefined || postmaster.socketDirectory === '') return undefined;
  return connectionString(postmaster.socketDirectory, postmaster.port, DATABASE);
}

/** `localhost` stands there only because an empty host is no URL everywhere; `host=` is what counts, to libpq, too. */
function connectionString(sockets: string, port: number, database: string): string {
  return `postgresql://${ROLE}@localhost:${port}/${database}?host=${encodeURIComponent(sockets)}`;
}

/** @returns false when the directory is missing or empty; throws when it is not for this version of PostgreSQL. */
function isCluster(directory: string, major: string): boolean {
  const version = join(directory, 'PG_VERSION');
  if (existsSync(version)) {
    const found = readFileSync(version, 'utf8').trim();
    if (found === major) return true;
    throw new PostgresError(
      'foreign_data_version',
      `The data in ${directory} is of PostgreSQL ${found}, and this Nightshift brings PostgreSQL ${major}. Run the Nightshift that wrote it and move the data with a backup.`,
    );
  }
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new PostgresError(
      'not_a_cluster',
      `${directory} holds files, but no PostgreSQL data: PG_VERSION is missing.`,
    );
  }
  return false;
}

/**
 * Makes the cluster, its role and its database beside the final place and renames it, so a kill at any moment leaves
 * either nothing or all of it.
 */
async function createCluster(
  directory: string,
  binaries: PostgresBinaries,
  single: SingleUser,
  roles: RoleOptions,
): Promise<void> {
  const { launcher, durable } = single;
  const parent = dirname(directory);
  const prefix = `.${basename(directory)}.making-`;
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  // What an attempt that was killed has left. Nobody else is at work here: the caller holds the lock.
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(prefix))) {
    await rm(join(parent, name), { recursive: true, force: true });
  }
  const temporary = join(parent, `${prefix}${process.pid}`);
  const settings = Object.entries(INITIAL_SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  await run(launcher, binaries.initdb, [
    ...['-D', temporary, '-U', SUPERUSER, '--encoding', 'UTF8', '--data-checksums'],
    // The builtin provider sorts and folds alike on every system and after every upgrade of its C library.
    ...['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    // The rules that count are those of `writeAccessRules`.
    ...['--auth-local', 'reject', '--auth-host', 'reject', '--no-instructions'],
    ...settings,
    ...(durable ? [] : ['--no-sync']),
  ]);
  await asSuperuser(temporary, single, [
    `CREATE ROLE ${ROLE} LOGIN`,
    `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`,
    ...restrictions(roles),
  ]);
  stampRestricted(temporary, roles);
  // An empty directory may stand in the way (a mount point may not: see isCluster's message then).
  await rm(directory, { recursive: true, force: true });
  await rename(temporary, directory);
  if (durable) await syncDirectory(parent);
}

/** Postgres says itself when it takes connections; asking by connecting would cost a driver and some tries. */
async function ready(
  child: ChildProcess,
  exited: Promise<unknown>,
  { log, startTimeoutMs = 120_000 }: EmbeddedPostgresOptions,
): Promise<void> {
  const lines = createInterface({ input: child.stderr! });
  const recent: string[] = [];
  const isReady = new Promise<boolean>((fulfil) => {
    lines.on('line', (line) => {
      if (line === '') return;
      log?.(line);
      if (recent.push(line) > 5) recent.shift();
      if (line.includes('database system is ready to accept connections')) fulfil(true);
    });
  });
  const started = await Promise.race([
    isReady,
    exited.then(() => false),
    sleep(startTimeoutMs, false, { ref: false }),
  ]);
  if (started) return;
  child.kill('SIGQUIT');
  await within(1_000, exited);
  throw new PostgresError(
    'start_failed',
    `Postgres did not start: ${recent.join(' ') || 'it wrote nothing'}`,
  );
}

async function within(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  const stop = new AbortController();
  const timeout = sleep(milliseconds, false, { signal: stop.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    stop.abort();
  }
}

/**
 * Beside the cluster where the path is short enough for a socket, otherwise in the temporary directory under a name
 * that follows from the cluster's path.
 */
function prepareSocketDirectory(directory: string, owner: number | undefined): string {
  const fits = (path: string) => Buffer.byteLength(join(path, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_MAX;
  const beside = join(dirname(directory), 'run');
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const name = `nightshift-${process.getuid?.() ?? 0}-${hash}`;
  const path = [beside, join(tmpdir(), name), join('/tmp', name)].find(fits);
  if (path === undefined)
    throw new PostgresError('start_failed', 'No place for a unix socket has a short path.');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // In a directory open to all, somebody else may have made the name first, to see our connections or as a symlink.
  let found = lstatSync(path);
  const isOurs = found.uid === process.getuid?.() || found.uid === owner;
  // Somebody's umask or a copy of the data has opened it: what is ours is closed again.
  if (found.isDirectory() && isOurs && (found.mode & 0o077) !== 0) {
    chmodSync(path, 0o700);
    found = lstatSync(path);
  }
  if (!found.isDirectory() || !isOurs || (found.mode & 0o077) !== 0) {
    throw new PostgresError(
      'start_failed',
      `${path} is to hold the database's socket, but it is not a directory that only this user can open.`,
    );
  }
  return path;
}

function giveTo(owner: number, path: string): void {
  if (lstatSync(path).uid === owner) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    chownSync(join(entry.parentPath, entry.name), owner, owner);
  }
  // Last: it is what the check above looks at, should this be cut short.
  chownSync(path, owner, owner);
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
