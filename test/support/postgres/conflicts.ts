/** Conflicts as PostgreSQL reports them, without the others that it takes to have one. */

type Sql = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

/** The first three writes to the table end as the victims of a deadlock. @returns how often it was written to */
export async function holdUp(sql: Sql, table: string): Promise<() => Promise<number>> {
  // A sequence counts on when a transaction is undone.
  await sql(`DROP SEQUENCE IF EXISTS held_up_${table}`);
  await sql(`CREATE SEQUENCE held_up_${table}`);
  await sql(`
    CREATE OR REPLACE FUNCTION hold_up_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('held_up_${table}') <= 3 THEN
        RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected';
      END IF;
      RETURN NEW;
    END $$`);
  await sql(`
    CREATE OR REPLACE TRIGGER hold_up BEFORE INSERT OR UPDATE ON ${table}
    FOR EACH ROW EXECUTE FUNCTION hold_up_${table}()`);
  return async () => Number((await sql(`SELECT last_value FROM held_up_${table}`))[0]!.last_value);
}
