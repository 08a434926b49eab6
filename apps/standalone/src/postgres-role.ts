/** The role that Nightshift works as in the embedded PostgreSQL, and who may connect at all. */
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Launcher } from './postgres-binaries.ts';
import { run } from './postgres-program.ts';

/** It owns its database, and nothing else. */
export const ROLE = 'nightshift';
export const DATABASE = 'nightshift';

/** For databases that need not survive a power cut. */
export const UNSAFE_SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** How to run the server alone on a cluster: the one way to be its superuser, since no connection is let in as one. */
export interface SingleUser {
  launcher: Launcher;
  postgres: string;
  durable: boolean;
}

export interface RoleOptions {
  createDatabases: boolean;
}

/** @throws {PostgresError} a statement was refused */
export async function asSuperuser(
  directory: string,
  { launcher, postgres, durable }: SingleUser,
  statements: readonly string[],
): Promise<void> {
  const flags = durable ? [] : Object.entries(UNSAFE_SETTINGS).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
  const args = ['--single', '-D', directory, ...flags, '-c', 'log_min_messages=fatal', 'postgres'];
  await run(launcher, postgres, args, statements.map((statement) => `${statement}\n`).join(''));
}

/** What the role may not, whatever it was given by an earlier version. */
export const restrictions = ({ createDatabases }: RoleOptions) => [
  `ALTER ROLE ${ROLE} NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS ${createDatabases ? '' : 'NO'}CREATEDB`,
  // Files and programs of the machine: https://www.postgresql.org/docs/18/predefined-roles.html
  ...['pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'].map(
    (power) => `REVOKE ${power} FROM ${ROLE}`,
  ),
];

/** Says, in the cluster, which restrictions it has. Change the number with `restrictions`. */
const stampOf = ({ createDatabases }: RoleOptions) => `1${createDatabases ? ' createdb' : ''}\n`;
const stampPath = (directory: string) => join(directory, 'nightshift_role');
export const stampRestricted = (directory: string, roles: RoleOptions) =>
  writeFileSync(stampPath(directory), stampOf(roles), { mode: 0o600 });

/** Restricts the role of a cluster that an earlier version made. It takes half a second, so it is done once. */
export async function restrictRole(directory: string, single: SingleUser, roles: RoleOptions): Promise<void> {
  const path = stampPath(directory);
  if (existsSync(path) && readFileSync(path, 'utf8') === stampOf(roles)) return;
  await asSuperuser(directory, single, restrictions(roles));
  stampRestricted(directory, roles);
}

/**
 * Who may connect: through the socket, whose directory (0700) only this user can open, and as the one role to its own
 * database alone. Without a rule for the superuser nobody is let in as one, so what the application can be made to send
 * to the database reaches neither files nor programs. Written at each start, for clusters of earlier versions, too.
 *
 * @returns the path for `hba_file`
 */
export function writeAccessRules(
  directory: string,
  { createDatabases }: RoleOptions,
  owner: number | undefined,
): string {
  const path = join(directory, 'nightshift_hba.conf');
  const rules = [
    '# Written by Nightshift at each start.',
    `local ${createDatabases ? 'all' : DATABASE} ${ROLE} trust`,
    'local all all reject',
  ];
  writeFileSync(path, `${rules.join('\n')}\n`, { mode: 0o600 });
  if (owner !== undefined) {
    for (const each of [path, stampPath(directory)]) chownSync(each, owner, owner);
  }
  return path;
}
