/**
 * The rows of a release's database, recorded and restored. PostgreSQL's own tools for that do not come with the embedded
 * server. The schema is not part of it: the release's migrations make it, and they do not change any more.
 *
 * A value is kept as PostgreSQL writes it, so that nothing is lost on the way through JavaScript.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { applyMigrations } from '@nightshift/core/migrations';
import { migrateQueue } from '@nightshift/core/queue';
import pg from 'pg';
import { checkout, type Release } from './releases.ts';

const file = 'database.json.br';

interface Recorded {
  /** By the database's clock. */
  at: string;
  /** A table after those that it refers to. */
  tables: Table[];
  sequences: { name: string; value: string }[];
}

interface Table {
  name: string;
  columns: { name: string; type: string }[];
  rows: (string | null)[][];
}

type TableRow = Pick<Table, 'name' | 'columns'> & { parents: string[] };

// The journals of migrations are written by whoever migrates.
const listTables = `
  SELECT format('%I.%I', n.nspname, t.relname) AS name,
    (SELECT json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    (SELECT coalesce(json_agg(DISTINCT format('%I.%I', pn.nspname, p.relname)), '[]')
      FROM pg_constraint c JOIN pg_class p ON p.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
      WHERE c.conrelid = t.oid AND c.contype = 'f' AND p.oid <> t.oid) AS parents
  FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE t.relkind = 'r' AND n.nspname IN ('public', 'bullmq') AND t.relname NOT IN ('_prisma_migrations', 'migration')
  ORDER BY 1`;

const listSequences = `
  SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value FROM pg_sequences
  WHERE schemaname IN ('public', 'bullmq') AND last_value IS NOT NULL ORDER BY 1`;

/** Writes all rows of a database into the release's folder. Nothing else may be writing to it. */
export async function recordDatabase(
  databaseUrl: string,
  directory: string,
  places: Readonly<Record<string, string>>,
): Promise<void> {
  const recorded = await withClient(databaseUrl, async (client): Promise<Recorded> => {
    const tables: Table[] = [];
    for (const { name, columns } of parentsFirst((await client.query<TableRow>(listTables)).rows)) {
      const values = columns.map((column) => `${column.name}::text`).join();
      const { rows } = await client.query({ text: `SELECT ${values} FROM ${name}`, rowMode: 'array' });
      if (rows.length > 0) tables.push({ name, columns, rows });
    }
    const { rows: sequences } = await client.query(listSequences);
    const { rows } = await client.query('SELECT now()::text AS at');
    return { at: rows[0].at, tables, sequences };
  });
  const names = Object.fromEntries(Object.entries(places).map(([name, place]) => [place, name]));
  writeFileSync(join(directory, file), brotliCompressSync(replaceAll(JSON.stringify(recorded), names)));
}

/** The longest first: a port may be the beginning of another one. */
function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements)
    .sort(([one], [other]) => other.length - one.length)
    .reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
}

function parentsFirst(tables: TableRow[]): TableRow[] {
  const ordered: TableRow[] = [];
  for (let left = tables; left.length > 0; ) {
    const ready = left.filter(
      ({ parents }) => !parents.some((name) => left.some((each) => each.name === name)),
    );
    if (ready.length === 0) throw new Error(`${left[0]!.name} refers to itself through other tables.`);
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}

export interface RestoreOptions {
  /** How long ago it was recorded, as the restored rows tell it, in seconds. */
  secondsAgo: number;
  /** See {@link Surroundings.places}. */
  places: Readonly<Record<string, string>>;
}

/** Fills an empty database as the release left it. */
export async function restoreDatabase(
  databaseUrl: string,
  release: Release,
  { secondsAgo, places }: RestoreOptions,
): Promise<void> {
  await makeSchema(databaseUrl, release);
  const text = brotliDecompressSync(readFileSync(join(release.directory, file))).toString();
  const { at, tables, sequences }: Recorded = JSON.parse(replaceAll(text, places));
  await withClient(databaseUrl, async (client) => {
    await client.query('BEGIN');
    const { rows } = await client.query(
      'SELECT (now() - $1::timestamptz - make_interval(secs => $2))::text AS shift',
      [at, secondsAgo],
    );
    for (const table of tables) await restoreTable(client, table, rows[0].shift);
    // A calendar's window stays one: all was recorded in the window that was current then.
    await client.query(
      `UPDATE budget_slot s SET starts_at = budget_slot_start(b, CASE WHEN b.rolling THEN s.starts_at
         ELSE now() - make_interval(secs => $1) END)
       FROM budget b WHERE b.id = s.budget_id`,
      [secondsAgo],
    );
    for (const { name, value } of sequences) {
      // BullMQ makes one for a queue when it first adds to it.
      await client.query(`CREATE SEQUENCE IF NOT EXISTS ${name}`);
      await client.query('SELECT setval($1, $2)', [name, value]);
    }
    await client.query('COMMIT');
  });
}

/** As the release's migrations leave it, and the queue's. */
async function makeSchema(databaseUrl: string, { migrations }: Release): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-migrations-'));
  try {
    for (const name of Object.keys(migrations)) {
      cpSync(join(checkout, 'prisma/migrations', name), join(directory, name), { recursive: true });
    }
    await applyMigrations(databaseUrl, { directory });
  } finally {
    rmSync(directory, { recursive: true });
  }
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  await migrateQueue(pool);
  await pool.end();
}

/** @param shift what is added to every instant, as an interval */
async function restoreTable(client: pg.Client, { name, columns, rows }: Table, shift: string): Promise<void> {
  const values = columns.map(({ type }, at) => {
    const value = `(r.value->>${at})::${type}`;
    return type.startsWith('timestamp') && type.endsWith('with time zone')
      ? `${value} + $2::interval`
      : value;
  });
  // Triggers have done their part: what they wrote is among the rows.
  await client.query(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
  await client.query(
    `INSERT INTO ${name} (${columns.map((column) => column.name).join()}) OVERRIDING SYSTEM VALUE
     SELECT ${values.join()} FROM json_array_elements($1::json) AS r WHERE $2::interval IS NOT NULL`,
    [JSON.stringify(rows), shift],
  );
  await client.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
}

async function withClient<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
