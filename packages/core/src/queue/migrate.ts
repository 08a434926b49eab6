import { runMigrations } from 'bullmq';
import type { Pool } from 'pg';

/** Creates or updates BullMQ's own tables (schema `bullmq`), under its advisory lock. */
export async function migrateQueue(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await runMigrations(client);
  } finally {
    client.release();
  }
}
