/** Health of a team's model keys, as people read and mend it. */
import type { ProviderHealth } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { signalHealth } from './sharing.ts';

type Row = {
  provider: string;
  model: string;
  credential_id: string | null;
  label: string | null;
  open_until: Date | null;
  open: boolean;
  failures: number;
  error_kind: string | null;
  error: string | null;
  failed_at: Date | null;
  succeeded_at: Date | null;
  first_token_ms: number | null;
};

// A rest that a vendor asked for in time counts no failure, and ends by itself.
const list = statement<Row>(`
  SELECT h.provider, h.model, h.credential_id, p.label, h.failures, h.error_kind, h.error, h.failed_at, h.succeeded_at,
    h.first_token_ms, CASE WHEN h.open_until > now() OR h.failures > 0 THEN h.open_until END AS open_until,
    coalesce(h.open_until > now(), false) AS open
  FROM provider_health h LEFT JOIN provider_credential p ON p.id = h.credential_id
  WHERE h.team_id = $1 AND (h.credential_id IS NULL OR p.id IS NOT NULL)
  ORDER BY open_until IS NULL, h.provider, h.model, p.label, h.id`);

/** What is wrong first, then by name. Nothing is known of a key that was not used in the last seven days. */
export async function listProviderHealth(db: Database, teamId: string): Promise<ProviderHealth[]> {
  const rows = await db.query(list, [teamId]);
  return rows.map((row) => ({
    target: `${row.provider}/${row.model}`,
    credentialId: row.credential_id,
    keyLabel: row.label,
    state: row.open ? 'open' : row.open_until ? 'half-open' : 'closed',
    openUntil: row.open_until?.toISOString() ?? null,
    failures: row.failures,
    lastError:
      row.error_kind && row.failed_at
        ? { kind: row.error_kind, message: row.error ?? '', at: row.failed_at.toISOString() }
        : null,
    succeededAt: row.succeeded_at?.toISOString() ?? null,
    firstTokenMs: row.first_token_ms,
  }));
}

const reset = statement<{ id: string }>(`
  UPDATE provider_health SET open_until = NULL, probe_until = NULL, failures = 0, updated_at = now()
  WHERE team_id = $1 AND (open_until IS NOT NULL OR failures > 0) AND ($2::text IS NULL OR provider || '/' || model = $2)
  RETURNING id`);

/** Closes what somebody has mended: the next call goes there again. `target`: that alone, else everything. */
export async function resetProviderHealth(db: Database, teamId: string, target?: string): Promise<void> {
  const rows = await db.query(reset, [teamId, target ?? null]);
  if (rows.length > 0) await signalHealth(db);
}

const countOpen = statement<{ provider: string; open: number }>(`
  SELECT provider, count(*)::int AS open FROM provider_health WHERE open_until > now() GROUP BY provider`);

/** How many keys are left alone now, by provider, in the whole installation. */
export async function countOpenCircuits(db: Database): Promise<Map<string, number>> {
  const rows = await db.query(countOpen);
  return new Map(rows.map(({ provider, open }) => [provider, open]));
}
