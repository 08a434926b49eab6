import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { diffSchema } from '../../scripts/lib/schema-diff.mjs';
import { createTestDatabase, type TestDatabase } from '../support/postgres/index.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

it('has migrations that lead to exactly what schema.prisma says', async () => {
  expect(await diffSchema(database.url)).toBe('');
});

it('would notice a difference', async () => {
  await client.query('CREATE TABLE drift (id int PRIMARY KEY)');
  expect(await diffSchema(database.url)).toContain('DROP TABLE "drift"');
  await client.query('DROP TABLE drift');
});

// What the schema language cannot say and the migrations add by hand has to stay unseen.
it('takes partial and expression indexes and unlogged tables for no difference', async () => {
  await client.query(`
    CREATE UNIQUE INDEX drift_team ON "team" (name) WHERE name <> '';
    CREATE INDEX drift_expression ON "team" (lower(name));
  `);
  // A table may be unlogged when no logged one refers to it.
  const { rows } = await client.query<{ name: string }>(`
    SELECT relname AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '_prisma_migrations'
       AND oid NOT IN (SELECT confrelid FROM pg_constraint WHERE contype = 'f') LIMIT 1`);
  await client.query(`ALTER TABLE "${rows[0]?.name}" SET UNLOGGED`);
  expect(await diffSchema(database.url)).toBe('');
});
