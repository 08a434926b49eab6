/**
 * Holds a process up at one exact write: a trigger on the table makes matching rows wait for a lock that the test
 * holds. Whoever is waiting can then be killed at a moment that no timing could hit.
 */
import { randomInt } from 'node:crypto';
import pg from 'pg';

export interface GateOptions {
  on: 'INSERT' | 'UPDATE';
  table: string;
  /** SQL condition on the row, e.g. `NEW.kind = 'tool'`. */
  when: string;
}

export interface Gate {
  /** How many writes are held up now. */
  waiting(): Promise<number>;
  /** Undoes the writes held up: they never happened, as if they had not reached the database. */
  cut(): Promise<void>;
  /** Lets everything through from now on. */
  open(): Promise<void>;
}

export async function closeGate(databaseUrl: string, { on, table, when }: GateOptions): Promise<Gate> {
  const key = randomInt(1_000_000, 2_000_000_000);
  const name = `gate_${key}`;
  const client = new pg.Client({ connectionString: databaseUrl });
  // A test that fails in between leaves it to the end of its database.
  client.on('error', () => {});
  await client.connect();
  await client.query(`SELECT pg_advisory_lock(${key})`);
  await client.query(`
    CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared(${key});
      RETURN NEW;
    END $$;
    CREATE TRIGGER ${name} BEFORE ${on} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}()`);
  const held = `FROM pg_locks WHERE locktype = 'advisory' AND objid = ${key} AND NOT granted`;
  return {
    waiting: async () => (await client.query(`SELECT count(*)::int AS count ${held}`)).rows[0].count,
    async cut() {
      await client.query(`SELECT pg_terminate_backend(pid) ${held}`);
    },
    async open() {
      // The trigger stays: with nobody in its way it does nothing, and dropping it would wait for other gates.
      await client.query(`SELECT pg_advisory_unlock(${key})`);
      await client.end();
    },
  };
}
