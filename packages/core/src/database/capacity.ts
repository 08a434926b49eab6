import type { Log } from '../log/index.ts';
import type { Database } from './database.ts';
import { statement } from './statement.ts';

const connections = statement<{ used: number; maximum: number }>(`
  SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS maximum`);

/**
 * Says in the log, at the start of a process, when the connections it may open do not fit beside those that are open:
 * the failures that would follow under load name no cause.
 *
 * @param needed how many this process may open
 */
export async function checkConnections(db: Database, needed: number, log: Log): Promise<void> {
  const [row] = await db.query(connections);
  if (!row || row.used + needed <= row.maximum) return;
  log.warn(
    { used: row.used, needed, maximum: row.maximum },
    'PostgreSQL may run out of connections: raise max_connections, or lower DATABASE_POOL or the number of workers',
  );
}
