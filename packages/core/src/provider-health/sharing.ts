/**
 * How workers share what they learn of model keys: rows of `provider_health`, and a signal when one has changed.
 *
 * A worker routes by what it has in memory, and this only keeps memories alike: nobody waits for it but the one call
 * that tries a key again, and while the database is away each worker goes by what it has learned itself.
 */
import type { CircuitRecord } from '@nightshift/contracts';
import { type Database, isValueRefused, statement } from '../database/index.ts';
import { type EventBus, signal } from '../events/index.ts';
import type { Log } from '../log/index.ts';

/** `learn` gets every circuit that others know of; one that is missing is closed. `isOurs`: we know better. */
export type Learn = (records: readonly CircuitRecord[], isOurs: (id: string) => boolean) => void;

export interface HealthSharing {
  publish(record: CircuitRecord, news: 'state' | 'firstToken'): void;
  claimProbe(id: string, forMs: number): Promise<boolean>;
  subscribe(learn: Learn): void;
  /** Tells the others what they have not been told yet. */
  close(): Promise<void>;
}

/** A signal that was lost is made good by looking now and then. */
const refreshMs = 15_000;
const retryMs = 5_000;
/** How long a call waits to hear whether another worker tries the key already. */
const claimTimeoutMs = 1_000;
/** What nobody has used for so long is of no use. */
const keepFor = '7 days';
const pruneMs = 60 * 60_000;

/** What one circuit's last word is, as long as it is not written. */
interface Untold {
  record: CircuitRecord;
  isState: boolean;
  /** Epoch milliseconds. */
  at: number;
}

type Written = {
  provider: string;
  model: string;
  label: string | null;
  error: string;
  changed: boolean;
  refused: boolean;
};

const refusals = `('auth', 'billing', 'quota')`;

/** The records of $1, of teams that are still there. */
const told = `
  told AS (
    SELECT r.*, now() + r."openForMs" * interval '1 millisecond' AS open_until,
      now() + nullif(r."probeForMs", 0) * interval '1 millisecond' AS probe_until
    FROM jsonb_to_recordset($1::jsonb) AS r (id text, "teamId" uuid, provider text, model text, "credentialId" uuid,
      "conversationId" uuid, "openForMs" float8, "probeForMs" float8, failures int, "errorKind" text, error text, "firstTokenMs" int)
    JOIN team ON team.id = r."teamId"
  )`;

// A key that is refused is told of once: when its circuit opens for that, not when a try finds it refused still. The
// event's delivery lane is woken by the sweeper.
const writeState = statement<Written>(`
  WITH ${told}, written AS (
    INSERT INTO provider_health AS h (id, team_id, provider, model, credential_id, open_until, probe_until, failures,
      error_kind, error, failed_at, succeeded_at, first_token_ms)
    SELECT id, "teamId", provider, model, "credentialId", open_until, probe_until, failures, "errorKind", error,
      CASE WHEN "errorKind" IS NOT NULL THEN now() END, CASE WHEN open_until IS NULL THEN now() END, "firstTokenMs"
    FROM told ORDER BY id
    ON CONFLICT (id) DO UPDATE SET open_until = excluded.open_until, probe_until = excluded.probe_until,
      failures = excluded.failures, error_kind = coalesce(excluded.error_kind, h.error_kind),
      error = coalesce(excluded.error, h.error),
      failed_at = CASE WHEN excluded.open_until > now() THEN now() ELSE coalesce(h.failed_at, excluded.failed_at) END,
      succeeded_at = coalesce(excluded.succeeded_at, h.succeeded_at),
      first_token_ms = coalesce(excluded.first_token_ms, h.first_token_ms), updated_at = now()
    RETURNING h.id, h.team_id, h.provider, h.model, h.credential_id, h.error_kind, h.error, h.open_until,
      (old.open_until, old.probe_until) IS DISTINCT FROM (new.open_until, new.probe_until) AS changed,
      new.open_until > now() AND new.error_kind IN ${refusals}
        AND (old.open_until IS NULL OR old.error_kind NOT IN ${refusals}) AS refused
  ), labelled AS (
    SELECT w.*, p.label FROM written w LEFT JOIN provider_credential p ON p.id = w.credential_id
  ), subscribed AS (
    SELECT k.*, w.id AS webhook_id, r.id AS run_id, r.conversation_id
    FROM labelled k JOIN told t ON t.id = k.id
      JOIN LATERAL (
        SELECT id, conversation_id FROM run WHERE conversation_id = t."conversationId" ORDER BY created_at DESC LIMIT 1
      ) r ON true
      JOIN webhook w ON w.team_id = k.team_id AND 'provider.key_refused' = ANY (w.events)
    WHERE k.refused FOR KEY SHARE OF w
  ), outbox AS (
    INSERT INTO delivery (team_id, lane, webhook_id, conversation_id, run_id, event, data)
    SELECT team_id, webhook_id || '/' || conversation_id, webhook_id, conversation_id, run_id, 'provider.key_refused',
      jsonb_build_object('target', provider || '/' || model, 'credentialId', credential_id, 'keyLabel', label,
        'kind', error_kind, 'message', error, 'until', to_char(open_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM subscribed
  )
  SELECT provider, model, label, error, changed, coalesce(refused, false) AS refused FROM labelled`);

// Another worker may have opened or closed it meanwhile: that stands.
const writeFirstToken = statement(`
  WITH ${told}
  INSERT INTO provider_health (id, team_id, provider, model, credential_id, succeeded_at, first_token_ms)
  SELECT id, "teamId", provider, model, "credentialId", now(), "firstTokenMs" FROM told ORDER BY id
  ON CONFLICT (id) DO UPDATE SET succeeded_at = excluded.succeeded_at, first_token_ms = excluded.first_token_ms,
    updated_at = now()`);

const read = statement<CircuitRecord>(`
  SELECT id, team_id AS "teamId", provider, model, credential_id AS "credentialId", failures,
    error_kind AS "errorKind", error, first_token_ms AS "firstTokenMs", NULL AS "conversationId",
    extract(epoch FROM open_until - now())::float8 * 1000 AS "openForMs",
    coalesce(greatest(extract(epoch FROM probe_until - now())::float8 * 1000, 0), 0) AS "probeForMs"
  FROM provider_health WHERE open_until IS NOT NULL OR updated_at > now() - interval '30 minutes'`);

// A second of grace, since the caller goes by its own clock. Where no row says that it is open, there is nothing to wait for.
const claim = statement<{ granted: boolean }>(`
  WITH claimed AS (
    UPDATE provider_health SET probe_until = now() + $2 * interval '1 millisecond'
    WHERE id = $1 AND open_until <= now() + interval '1 second' AND (probe_until IS NULL OR probe_until < now())
    RETURNING id
  )
  SELECT EXISTS (SELECT FROM claimed)
    OR NOT EXISTS (SELECT FROM provider_health WHERE id = $1 AND open_until IS NOT NULL) AS granted`);

const prune = statement(`DELETE FROM provider_health WHERE updated_at < now() - interval '${keepFor}'`);

/** Says that rows have changed. */
export const signalHealth = (db: Database): Promise<void> => signal(db.relaxed, 'health', 'all');

export function shareProviderHealth({
  db,
  bus,
  log,
}: {
  db: Database;
  bus: EventBus;
  log: Log;
}): HealthSharing {
  /** What is not written yet, the last word on each circuit. */
  const untold = new Map<string, Untold>();
  let learn: Learn = () => {};
  let writing: Promise<void> | undefined;
  let reading: Promise<void> | undefined;
  let readAgain = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let prunedAt = Date.now();

  async function tell(): Promise<void> {
    while (untold.size > 0) await writeOrDrop([...untold.values()]);
  }

  /** What the database refuses would be refused again and again, and must not keep back what can be told. */
  async function writeOrDrop(batch: readonly Untold[]): Promise<void> {
    try {
      await write(batch);
    } catch (error) {
      if (!isValueRefused(error)) throw error;
      if (batch.length > 1) {
        for (const one of batch) await writeOrDrop([one]);
        return;
      }
      log.error({ err: error, circuit: batch[0]!.record.id }, 'health of a model key cannot be stored');
    }
    for (const told of batch) if (untold.get(told.record.id) === told) untold.delete(told.record.id);
  }

  async function write(batch: readonly Untold[]): Promise<void> {
    const now = Date.now();
    const json = (wanted: boolean) => {
      const records = batch.filter(({ isState }) => isState === wanted);
      return JSON.stringify(
        records.map(({ record, at }) => ({
          ...record,
          openForMs: record.openForMs === null ? null : record.openForMs - (now - at),
        })),
      );
    };
    const written = await db.queryRelaxed(writeState, [json(true)]);
    await db.queryRelaxed(writeFirstToken, [json(false)]);
    for (const { provider, model, label, error, refused } of written) {
      if (refused)
        log.warn(
          { provider, model, key: label, detail: error },
          'a model key is refused and left alone; mend or replace it, then: nightshift providers health --reset',
        );
    }
    if (written.some(({ changed }) => changed)) await signalHealth(db);
  }

  function tellSoon(): void {
    writing ??= tell().then(
      () => {
        writing = undefined;
        // Published after the last look and before this.
        if (untold.size > 0) tellSoon();
      },
      (error: Error) => {
        writing = undefined;
        log.warn({ err: error }, 'health of model keys not shared; trying again');
        if (!closed) retry = setTimeout(tellSoon, retryMs);
      },
    );
  }

  async function look(): Promise<void> {
    const before = new Set(untold.keys());
    const records = await db.queryRelaxed(read);
    learn(records, (id) => before.has(id) || untold.has(id));
    if (Date.now() - prunedAt > pruneMs) {
      prunedAt = Date.now();
      await db.queryRelaxed(prune);
    }
  }

  function refresh(): void {
    // What changes while it reads may be missing from what it has read.
    readAgain = reading !== undefined;
    reading ??= look()
      .catch((error: Error) => log.debug({ err: error }, 'health of model keys not read; trying again'))
      .finally(() => {
        reading = undefined;
        if (readAgain && !closed) refresh();
      });
  }

  const unsubscribe = bus.subscribe('health', 'all', refresh);
  const timer = setInterval(refresh, refreshMs);

  return {
    publish(record, news) {
      const isState = news === 'state' || untold.get(record.id)?.isState === true;
      untold.set(record.id, { record, isState, at: Date.now() });
      if (!closed) tellSoon();
    },
    async claimProbe(id, forMs) {
      let timeout: NodeJS.Timeout | undefined;
      const late = new Promise<true>((resolve) => {
        timeout = setTimeout(() => resolve(true), claimTimeoutMs);
      });
      const asked = db.queryRelaxed(claim, [id, forMs]).then(
        ([row]) => row!.granted,
        (error: Error) => {
          log.debug({ err: error }, 'health of a model key not asked for; trying it');
          return true;
        },
      );
      const granted = await Promise.race([asked, late]);
      clearTimeout(timeout);
      return granted;
    },
    subscribe(listener) {
      learn = listener;
      refresh();
    },
    async close() {
      unsubscribe();
      clearInterval(timer);
      clearTimeout(retry);
      tellSoon();
      closed = true;
      await Promise.all([writing, reading]);
    },
  };
}
