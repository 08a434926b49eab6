// What scripts/db.mjs does once TypeScript can run.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { takeDataDirectory } from '@nightshift/standalone/data-directory';
import { findRunningPostgres, startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import { readEnv } from '@nightshift/standalone/env';
import { applyMigrations, settleMigration } from '@nightshift/standalone/migrations';
import { root } from './paths.mjs';

const MIGRATIONS = join(root, 'prisma/migrations');

const [command, argument, name] = process.argv.slice(2);
try {
  if (command === 'deploy') await deploy();
  else if (argument === '--check') process.exitCode = await check();
  else process.exitCode = await migrate(argument);
} catch (error) {
  // Errors of ours carry a code and say in a sentence what is wrong; anything else is a bug and shows its stack.
  if (typeof error.code !== 'string') throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function deploy() {
  const env = readEnv();
  const directory = join(env.data, 'postgres');
  const url = env.databaseUrl ?? findRunningPostgres(directory);
  if (url !== undefined) return await deployTo(url);
  const data = takeDataDirectory(env.data);
  for (const { message } of data.notices) console.error(message);
  try {
    const postgres = await startEmbeddedPostgres({ directory });
    try {
      await deployTo(postgres.url);
    } finally {
      await postgres.stop();
    }
  } finally {
    data.release();
  }
}

/** @param {string} url */
async function deployTo(url) {
  if (argument !== undefined) {
    const as = argument === '--accept' ? 'accept' : 'rolled-back';
    await settleMigration(url, name, { directory: MIGRATIONS, as });
    console.log(`${name} counts as ${as === 'accept' ? 'applied' : 'rolled back'}.`);
  }
  const { applied, repaired = [] } = await applyMigrations(url, { directory: MIGRATIONS });
  for (const sentence of repaired) console.log(sentence);
  for (const name of applied) console.log(`Applied ${name}`);
  if (applied.length === 0) console.log('The database is up to date.');
}

async function check() {
  const sql = await pendingSql();
  if (sql === '') {
    console.log('The migrations lead to the schema.');
    return 0;
  }
  console.log(sql);
  console.error('The migrations do not lead to prisma/schema.prisma. Run: npm run db:migrate -- NAME');
  return 1;
}

/** @param {string} name */
async function migrate(name) {
  if (!/^[a-z0-9][a-z0-9_-]{0,80}$/i.test(name)) {
    console.error(`"${name}" is no name for a migration: use letters, digits, "_" and "-".`);
    return 2;
  }
  const sql = await pendingSql();
  if (sql === '') {
    console.log('Nothing to do: the migrations lead to the schema.');
    return 0;
  }
  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const directory = join(MIGRATIONS, `${timestamp}_${name.replaceAll('-', '_').toLowerCase()}`);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'migration.sql'), sql.endsWith('\n') ? sql : `${sql}\n`);
  await writeFile(
    join(MIGRATIONS, 'migration_lock.toml'),
    `# Prisma reads this: which database the migrations are for.\nprovider = "postgresql"\n`,
  );
  console.log(`Wrote ${relative(root, join(directory, 'migration.sql'))}: read it before you commit it.`);
  return 0;
}

/** Runs the migrations there are on a throw-away database and asks what is missing. */
async function pendingSql() {
  const { startTestPostgres } = await import('../../test/support/postgres/server.ts');
  const { diffSchema } = await import('./schema-diff.mjs');
  const postgres = await startTestPostgres();
  try {
    const url = new URL(postgres.url);
    url.pathname = `/${postgres.template}`;
    return await diffSchema(url.href);
  } finally {
    await postgres.stop();
  }
}
