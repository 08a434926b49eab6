import { existsSync, lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { retireOrphans, startEmbeddedPostgres } from '@nightshift/standalone/embedded-postgres';
import { applyMigrations } from '@nightshift/standalone/migrations';
import pg from 'pg';

const PREFIX = 'nightshift-test-';
const TEMPLATE = 'nightshift_template';

export interface TestPostgres {
  /** Connection string of the maintenance database, as a role that may create databases. */
  url: string;
  /** Name of the database that holds the current schema and no rows, to be cloned. */
  template: string;
}

/**
 * Starts a Postgres for one test run, in the temporary directory and without regard for power cuts, with a template
 * database that has all migrations. Call it from the main thread: the kernel ends the server with the thread that
 * started it.
 */
export async function startTestPostgres(): Promise<TestPostgres & { stop(): Promise<void> }> {
  await removeLeftovers();
  const root = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  try {
    const postgres = await startEmbeddedPostgres({
      directory: join(root, 'postgres'),
      durable: false,
      // One for each test file.
      createDatabases: true,
      // Every test file holds pools and listeners of its own.
      settings: { max_connections: '300' },
    });
    const stop = async () => {
      await postgres.stop();
      await rm(root, { recursive: true, force: true });
    };
    try {
      await createTemplate(postgres.url, postgres.urlOf(TEMPLATE));
    } catch (error) {
      await stop();
      throw error;
    }
    return { url: postgres.url, template: TEMPLATE, stop };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

async function createTemplate(url: string, templateUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const directory = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
  // A schema that has no migration yet is an empty database.
  if (existsSync(directory)) await applyMigrations(templateUrl, { directory });
}

/** Ends servers of runs that were killed, and removes their directories. */
async function removeLeftovers(): Promise<void> {
  for (const root of leftoversOf(process.getuid!(), tmpdir())) {
    await retireOrphans(join(root, 'postgres'));
    await rm(root, { recursive: true, force: true });
  }
}

/**
 * Directories of one user's runs that are over; the name carries the process id of its run. Other users' are not ours to
 * look into.
 */
export function leftoversOf(user: number, directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split('-', 1)[0])))
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === user);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's; so is its directory.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
