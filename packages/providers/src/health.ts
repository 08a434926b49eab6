/**
 * What is known of each endpoint, key and model together: a circuit breaker.
 *
 *   closed ── key refused, rate limit, or three failures in a row ──▶ open ── its time is over ──▶ half-open
 *      ▲                                                               ▲                              │
 *      └────────────────────── it answers ◀── one call tries ──────────┴──── it fails ◀───────────────┘
 *
 * All of it is in memory and answers at once. What changes is shared with other processes through `HealthShare`, which
 * only the one call that tries a half-open circuit waits for.
 */
import { hash } from 'node:crypto';
import type { CircuitRecord } from '@nightshift/contracts';
import { type Endpoint, ModelError, type ModelErrorKind, type RateLimit } from './provider.ts';

/** Names a circuit. */
export interface HealthKey {
  readonly id: string;
  readonly scope: string;
  readonly provider: string;
  readonly model: string;
  readonly credentialId: string | null;
  /** Whose call it is, a conversation's; not part of the name. */
  readonly origin: string | null;
}

/** Left alone until then (epoch milliseconds), and why. */
export interface Resting {
  until: number;
  error: ModelError;
}

export interface Health {
  /** try: it is well · probe: it may be well again, and whoever goes first must `claimProbe` */
  look(key: HealthKey): 'try' | 'probe' | Resting;
  /** False: somebody else tries it already. The claim holds until its attempt is told of, for `forMs` at most. */
  claimProbe(key: HealthKey, forMs: number): Promise<boolean>;
  /** A claimed attempt was not made after all. */
  releaseProbe(key: HealthKey): void;
  /** The vendor has said what is left for the key. */
  limited(key: HealthKey, limit: RateLimit): void;
  /** The first content of an attempt came. `probe`: it was a claimed one. */
  answered(key: HealthKey, firstTokenMs: number, probe: boolean): void;
  /** An attempt is over. `error` null: it went well. */
  ended(key: HealthKey, error: ModelError | null, probe: boolean): void;
  /** Moving average of the time to the first token. Null: not measured of late. */
  firstTokenMs(key: HealthKey): number | null;
}

/** The other processes. Neither call throws or rejects, whatever is wrong between them. */
export interface HealthShare {
  /** Tells them, in time: of a new state, or only of a new average. */
  publish(record: CircuitRecord, news: 'state' | 'firstToken'): void;
  /** False: one of them tries it already. */
  claimProbe(id: string, forMs: number): Promise<boolean>;
  /**
   * `learn` is called with every circuit that they know of; one that is missing is closed. `isOurs`: what we have
   * published of it is newer.
   */
  subscribe(learn: (records: readonly CircuitRecord[], isOurs: (id: string) => boolean) => void): void;
}

const second = 1_000;
const minute = 60 * second;

/** How long a refused key is left alone. A changed key is another key, and is tried at once. */
const REFUSED_MS = 5 * minute;
/** A plan's quota may be over for a month; somebody may have paid for more. */
const QUOTA_MAX_MS = 60 * minute;
const RATE_MAX_MS = 15 * minute;
const FAILURES_TO_OPEN = 3;
const OPEN_BASE_MS = 5 * second;
const OPEN_MAX_MS = 5 * minute;

/** Somebody in another process tries: how soon to look again. */
const LOOK_AGAIN_MS = 250;
/** Older averages say nothing, so that a target that was slow is tried again some day. */
const MEASURE_MAX_AGE_MS = 30 * minute;
const MEASURE_SHARE_MS = 10 * second;
/** The weight of a new measurement. */
const MEASURE_WEIGHT = 0.2;
const MAX_CIRCUITS = 10_000;

/** The key is refused, not the call: nothing will come of it until a person has done something. */
export const isRefusal = (kind: string): boolean => kind === 'auth' || kind === 'billing' || kind === 'quota';

/** The endpoint sends us elsewhere: it is the wrong address, whatever the call. */
export const isRedirect = ({ status }: ModelError): boolean =>
  status !== undefined && status >= 300 && status < 400;

/** What may pass by itself. */
const transient: ReadonlySet<ModelErrorKind> = new Set([
  'overload',
  'server',
  'network',
  'timeout',
  'truncated',
]);
export const isTransient = (error: ModelError): boolean => transient.has(error.kind) || isRedirect(error);

interface Circuit {
  key: HealthKey;
  /** In a row, while closed or trying. */
  failures: number;
  /** Null: closed. In the past: half-open. */
  openUntil: number | null;
  probeUntil: number;
  error: ModelError | null;
  firstTokenMs: number | null;
  measuredAt: number;
  sharedAt: number;
}

export function healthKey(
  scope: string,
  endpoint: Endpoint,
  model: string,
  credentialId: string | null,
  origin: string | null = null,
): HealthKey {
  // By model too, since a 403 may concern one only. The key itself is not kept.
  const id = hash('sha256', [scope, endpoint.baseUrl, endpoint.apiKey ?? '', model].join('\n'), 'base64url');
  return { id, scope, provider: endpoint.provider, model, credentialId, origin };
}

export interface HealthOptions {
  share?: HealthShare | undefined;
  /** Epoch milliseconds. */
  now?: () => number;
}

export function createHealth({ share, now = Date.now }: HealthOptions = {}): Health {
  const circuits = new Map<string, Circuit>();

  function circuitOf(key: HealthKey): Circuit {
    let circuit = circuits.get(key.id);
    if (!circuit) {
      if (circuits.size >= MAX_CIRCUITS) circuits.delete(circuits.keys().next().value!);
      const well = { failures: 0, openUntil: null, probeUntil: 0, error: null };
      circuit = { key, ...well, firstTokenMs: null, measuredAt: 0, sharedAt: 0 };
      circuits.set(key.id, circuit);
    }
    return circuit;
  }

  function publish(circuit: Circuit, news: 'state' | 'firstToken' = 'state'): void {
    circuit.sharedAt = now();
    share?.publish(toRecord(circuit, now()), news);
  }

  function open(circuit: Circuit, ms: number): void {
    circuit.openUntil = now() + ms;
    circuit.probeUntil = 0;
    publish(circuit);
  }

  function close(circuit: Circuit): void {
    circuit.openUntil = null;
    circuit.probeUntil = 0;
    publish(circuit);
  }

  function failed(circuit: Circuit, error: ModelError): void {
    circuit.failures++;
    circuit.error = error;
    const asked = error.retryAfterMs;
    // Only a try of an open circuit counts on, so a hundred calls that fail together open it for five seconds.
    const backoff = Math.min(
      OPEN_MAX_MS,
      OPEN_BASE_MS * 2 ** Math.max(0, circuit.failures - FAILURES_TO_OPEN),
    );
    if (error.kind === 'quota') open(circuit, clamp(asked ?? REFUSED_MS, second, QUOTA_MAX_MS));
    else if (isRefusal(error.kind)) open(circuit, REFUSED_MS);
    else if (error.kind === 'rate') open(circuit, clamp(asked ?? backoff, second, RATE_MAX_MS));
    else if (circuit.failures >= FAILURES_TO_OPEN) open(circuit, clamp(asked ?? 0, backoff, OPEN_MAX_MS));
  }

  share?.subscribe((records, isOurs) => {
    const told = new Set(records.map(({ id }) => id));
    for (const record of records) if (!isOurs(record.id)) learn(record);
    for (const [id, circuit] of circuits) {
      if (circuit.openUntil === null || told.has(id) || isOurs(id)) continue;
      circuit.openUntil = null;
      circuit.failures = 0;
    }
  });

  function learn(record: CircuitRecord): void {
    const { id, teamId: scope, provider, model, credentialId, error, errorKind, firstTokenMs } = record;
    const circuit = circuitOf({ id, scope, provider, model, credentialId, origin: null });
    // What two processes count separately, each for itself, is no news.
    if (circuit.openUntil !== null || record.openForMs !== null) circuit.failures = record.failures;
    circuit.openUntil = record.openForMs === null ? null : now() + record.openForMs;
    circuit.probeUntil = now() + record.probeForMs;
    if (errorKind !== null) circuit.error = new ModelError(errorKind as ModelErrorKind, error ?? '');
    // Our own measurements go before theirs.
    if (firstTokenMs !== null && now() - circuit.measuredAt > MEASURE_SHARE_MS) {
      circuit.firstTokenMs = firstTokenMs;
      circuit.measuredAt = now();
    }
  }

  const health: Health = {
    look(key) {
      const circuit = circuits.get(key.id);
      if (!circuit || circuit.openUntil === null) return 'try';
      if (circuit.openUntil > now()) return resting(circuit, circuit.openUntil, now());
      // It only rested, as its vendor asked in time: there is nothing to find out.
      if (circuit.failures === 0) return 'try';
      if (circuit.probeUntil <= now()) return 'probe';
      return resting(circuit, Math.min(circuit.probeUntil, now() + LOOK_AGAIN_MS), now());
    },

    async claimProbe(key, forMs) {
      const circuit = circuitOf(key);
      if (circuit.probeUntil > now()) return false;
      circuit.probeUntil = now() + forMs;
      if (!share || (await share.claimProbe(key.id, forMs))) return true;
      circuit.probeUntil = now() + LOOK_AGAIN_MS;
      return false;
    },

    releaseProbe(key) {
      const circuit = circuitOf(key);
      circuit.probeUntil = 0;
      publish(circuit);
    },

    limited(key, { remainingRequests, remainingTokens, resetMs }) {
      if (!resetMs || (remainingRequests !== 0 && remainingTokens !== 0)) return;
      const circuit = circuitOf(key);
      const ms = Math.min(resetMs, RATE_MAX_MS);
      if (circuit.failures > 0 || (circuit.openUntil ?? 0) >= now() + ms) return;
      circuit.error = new ModelError('rate', 'The vendor says that nothing is left for this key at present.');
      circuit.openUntil = now() + ms;
      if (ms >= second) publish(circuit);
    },

    answered(key, firstTokenMs, probe) {
      const circuit = circuitOf(key);
      const before = health.firstTokenMs(key);
      circuit.firstTokenMs =
        before === null ? firstTokenMs : before + (firstTokenMs - before) * MEASURE_WEIGHT;
      circuit.measuredAt = now();
      // The others need not wait for the end of a long answer. Whoever had nobody else to go to finds out as well.
      if (probe || (circuit.openUntil !== null && circuit.error && isTransient(circuit.error)))
        close(circuit);
      else if (now() - circuit.sharedAt >= MEASURE_SHARE_MS) publish(circuit, 'firstToken');
    },

    ended(key, error, probe) {
      const circuit = circuitOf(key);
      // Begun before the circuit opened, it says nothing new.
      if (circuit.openUntil !== null && circuit.failures > 0 && !probe) return;
      circuit.key = key;
      if (error && (isRefusal(error.kind) || error.kind === 'rate' || isTransient(error))) {
        failed(circuit, error);
      } else if (error?.kind === 'aborted') {
        if (probe && circuit.openUntil !== null) health.releaseProbe(key);
      } else if (circuit.failures > 0) {
        // Whoever finds fault with the call alone is well.
        circuit.failures = 0;
        close(circuit);
      }
    },

    firstTokenMs(key) {
      const circuit = circuits.get(key.id);
      return circuit && now() - circuit.measuredAt <= MEASURE_MAX_AGE_MS ? circuit.firstTokenMs : null;
    },
  };
  return health;
}

function toRecord(circuit: Circuit, now: number): CircuitRecord {
  const { id, scope, provider, model, credentialId, origin } = circuit.key;
  const { openUntil, probeUntil, failures, error, firstTokenMs } = circuit;
  return {
    id,
    teamId: scope,
    provider,
    model,
    credentialId,
    conversationId: origin,
    openForMs: openUntil === null ? null : openUntil - now,
    probeForMs: Math.max(0, probeUntil - now),
    failures,
    errorKind: error?.kind ?? null,
    error: error?.message ?? null,
    firstTokenMs: firstTokenMs === null ? null : Math.round(firstTokenMs),
  };
}

function resting({ error }: Circuit, until: number, now: number): Resting {
  const { kind, message, status } = error!;
  const changed = isRefusal(kind) ? ', unless the key is changed' : '';
  const rest = `Not tried again for ${period(until - now)}${changed}.`;
  return {
    until,
    error: new ModelError(kind, `${message.replace(/\.?$/, '.')} ${rest}`, {
      ...(status === undefined ? {} : { status }),
      retryAfterMs: until - now,
      cause: error,
    }),
  };
}

function period(ms: number): string {
  if (ms < 2 * minute) return `${Math.max(1, Math.ceil(ms / second))} s`;
  return `${Math.ceil(ms / minute)} more minutes`;
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
