import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { choosePostgresLauncher, findPostgresBinaries } from './postgres-binaries.ts';
import { asSuperuser } from './postgres-role.ts';

let root: string;
let directory: string;
let postgres: EmbeddedPostgres;

const start = () => startEmbeddedPostgres({ directory, durable: false });

/** Made a cluster as an earlier version did, and more powerful than any was. */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'postgres-role-'));
  directory = join(root, 'postgres');
  await (await start()).stop();
  rmSync(join(directory, 'nightshift_role'));
  rmSync(join(directory, 'nightshift_hba.conf'));
  writeFileSync(join(directory, 'pg_hba.conf'), 'local all all trust\n');
  const { launcher } = choosePostgresLauncher(directory);
  await asSuperuser(directory, { launcher, postgres: findPostgresBinaries().postgres, durable: false }, [
    'ALTER ROLE nightshift SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS',
    'GRANT pg_read_server_files, pg_write_server_files, pg_execute_server_program TO nightshift',
  ]);
  postgres = await start();
});

afterAll(async () => {
  await postgres.stop();
  rmSync(root, { recursive: true, force: true });
});

async function query(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

it('has no power but over its own database, also in a cluster that gave it some', async () => {
  const [role] = await query(
    postgres.url,
    `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
       ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid) AS member_of,
       ARRAY(SELECT datname::text FROM pg_database WHERE datdba = r.oid) AS owns
     FROM pg_roles r WHERE rolname = current_user`,
  );
  expect(role).toEqual({
    rolsuper: false,
    rolcreatedb: false,
    rolcreaterole: false,
    rolreplication: false,
    rolbypassrls: false,
    member_of: [],
    owns: ['nightshift'],
  });
});

it('does what migrations need', async () => {
  await query(postgres.url, 'CREATE TABLE t (id int); CREATE EXTENSION pg_trgm; DROP TABLE t');
});

it.each([
  [`COPY (SELECT 'x') TO PROGRAM 'cat'`],
  [`CREATE TABLE p (x text); COPY p FROM PROGRAM 'id'`],
  [`CREATE TABLE f (x text); COPY f FROM '/etc/passwd'`],
  [`COPY (SELECT 'x') TO '/tmp/nightshift-never'`],
  [`SELECT pg_read_file('/etc/passwd')`],
  [`SELECT pg_read_binary_file('PG_VERSION')`],
  [`SELECT pg_ls_dir('.')`],
  [`SELECT pg_stat_file('/etc/passwd')`],
  [`SELECT lo_import('/etc/passwd')`],
  [`SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/nightshift-never')`],
  ['SELECT rolpassword FROM pg_authid'],
  [`ALTER SYSTEM SET shared_preload_libraries = 'x'`],
  ['ALTER ROLE nightshift SUPERUSER'],
  ['CREATE ROLE another SUPERUSER'],
  ['CREATE DATABASE another'],
  ['SET ROLE postgres'],
  ['SET SESSION AUTHORIZATION postgres'],
  ['CREATE EXTENSION file_fdw'],
  ['CREATE EXTENSION dblink'],
  [`LOAD '/tmp/nightshift-never.so'`],
  [`CREATE FUNCTION c() RETURNS int AS 'x', 'y' LANGUAGE c`],
  [`CREATE FUNCTION i(text) RETURNS text AS 'pg_read_file_all' LANGUAGE internal`],
  ['SELECT pg_reload_conf()'],
])('is refused: %s', async (sql) => {
  const refusals =
    /permission denied|must be (superuser|able)|has privileges|SUPERUSER|not (permitted|allowed)/i;
  await expect(query(postgres.url, sql)).rejects.toThrow(refusals);
});

it.each([
  ['as the superuser', (url: URL) => Object.assign(url, { username: 'postgres' })],
  [
    'as the superuser to another database',
    (url: URL) => Object.assign(url, { username: 'postgres', pathname: '/postgres' }),
  ],
  [
    'with a password',
    (url: URL) => Object.assign(url, { username: 'postgres', password: 'postgres', pathname: '/template1' }),
  ],
  ['to another database', (url: URL) => Object.assign(url, { pathname: '/postgres' })],
  ['to the template of new databases', (url: URL) => Object.assign(url, { pathname: '/template1' })],
])('nobody connects %s', async (_, change) => {
  const url = change(new URL(postgres.url));
  await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/pg_hba|rejects/);
});
