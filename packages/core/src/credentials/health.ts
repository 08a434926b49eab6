/** What the workers have learned of a team's keys, as people are shown it. */
import type { CredentialHealth } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { signalHealth } from '../provider-health/index.ts';

interface Trouble {
  credentialId: string;
  model: string;
  refused: boolean;
  /** Null: it may be tried again, and the next call does. */
  until: Date | null;
  error: string | null;
}

/** A row whose circuit has been opened and not been closed by an answer since; the worst one of each key. */
const findTroubles = statement<Trouble>(`
  SELECT DISTINCT ON (credential_id) credential_id AS "credentialId", model, error,
    error_kind IN ('auth', 'billing') AS refused, CASE WHEN open_until > now() THEN open_until END AS until
  FROM provider_health
  WHERE team_id = $1 AND credential_id = ANY ($2::uuid[])
    AND (open_until > now() OR open_until IS NOT NULL AND error_kind IN ('auth', 'billing'))
  ORDER BY credential_id, refused DESC, open_until DESC`);

/** @returns for each of those keys that something is wrong with, what; the others are not in it */
export async function healthOfCredentials(
  db: Database,
  teamId: string,
  ids: readonly string[],
): Promise<Map<string, CredentialHealth>> {
  if (ids.length === 0) return new Map();
  const troubles = await db.query(findTroubles, [teamId, ids]);
  return new Map(
    troubles.map(({ credentialId, model, refused, until, error }) => [
      credentialId,
      {
        status: refused ? 'refused' : 'resting',
        problem: `${model}: ${error ?? 'it failed'}`,
        until: until?.toISOString() ?? null,
      },
    ]),
  );
}

/** Forgets what was learned of a key, and tells the workers: it was changed, or has just answered. */
export async function forgetHealth(db: Database, teamId: string, credentialId: string): Promise<void> {
  const { count } = await db.prisma.providerHealth.deleteMany({ where: { teamId, credentialId } });
  if (count > 0) await signalHealth(db);
}
