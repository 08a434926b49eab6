/**
 * Keeps this worker's connections to platforms that do not push to us. Every worker looks for channels that nobody is
 * connected to, up to its share; the lease decides who gets one, and is given back on drain and when another worker comes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionDeps, openConnection } from '@nightshift/agent';
import { ChannelError, type InboundEvent, type Lookup } from '@nightshift/channels';
import type { DocumentReader, Fetch } from '@nightshift/contracts';
import { fingerprint, type TrafficCounter } from '@nightshift/core/channels';
import {
  advanceCursor,
  type ConnectorLease,
  ConnectorLostError,
  claimConnectors,
  connectorLeaseMs,
  connectorShare,
  leaveConnectors,
  readConnectorCursor,
  releaseConnector,
  renewConnectors,
} from '@nightshift/core/connectors';
import { acceptEvents, wakeForEvents } from '@nightshift/core/inbox';
import type { Log } from '@nightshift/core/log';
import type { Metrics } from '@nightshift/core/metrics';
import { explainWaiting } from '@nightshift/core/outbox';
import type { Producer } from '@nightshift/core/queue';
import { tellOfTrouble } from './processors/delivery.ts';
import type { Sessions } from './sessions.ts';

export interface ConnectorDeps extends ConnectionDeps {
  fetch: Fetch;
  lookup: Lookup;
  documents: DocumentReader;
  sessions: Sessions;
  conversations: Producer<'conversation'>;
  deliveries: Producer<'delivery'>;
  traffic: TrafficCounter;
  metrics: Metrics;
  /** Names this worker in the lease, for people who look at the row. */
  workerId: string;
  log: Log;
}

export interface Connectors {
  /** Disconnects, so that another worker may connect at once. */
  close(): Promise<void>;
}

const lookMs = 2_000;

/** Taken, or left to another worker, at one look: connecting costs the platform and us something. */
const maxAtOnce = 8;

/** How long a connection is given to end, in milliseconds. */
const partingMs = 3_000;

interface Held {
  lease: ConnectorLease;
  controller: AbortController;
  renewedAt: number;
  done: Promise<void>;
}

export function startConnectors(deps: ConnectorDeps): Connectors {
  const { db, log, workerId } = deps;
  const held = new Map<string, Held>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const { kinds } = deps.adapters;
    const share = await connectorShare(db, { owner: workerId, kinds });
    handOver(held.size - share);
    const limit = Math.min(maxAtOnce, share - held.size);
    if (limit <= 0) return;
    for (const lease of await claimConnectors(db, { owner: workerId, kinds, limit })) {
      // Lost and claimed again while its connection was still ending.
      await held.get(lease.channelId)?.done;
      hold(lease);
    }
  }

  /** Ends so many connections, the newest first: another worker has come, and takes them up where they stop. */
  function handOver(surplus: number): void {
    if (surplus <= 0) return;
    for (const { lease, controller } of [...held.values()].slice(-Math.min(surplus, maxAtOnce))) {
      log.info({ channelId: lease.channelId }, 'connection left to another worker');
      controller.abort(new Error('Another worker takes it.'));
    }
  }

  function hold(lease: ConnectorLease): void {
    const controller = new AbortController();
    const entry: Held = { lease, controller, renewedAt: performance.now(), done: Promise.resolve() };
    const connectorLog = log.child({ channelId: lease.channelId });
    held.set(lease.channelId, entry);
    deps.metrics.connectors.set(held.size);
    entry.done = stayConnected(deps, lease, controller.signal, connectorLog)
      .catch((error: Error) => connectorLog.error({ err: error }, 'connector failed for an internal reason'))
      .then(() => releaseConnector(db, lease))
      .catch((error: Error) =>
        connectorLog.warn({ err: error }, 'connector not released; its lease runs out'),
      )
      .finally(() => {
        if (held.get(lease.channelId) === entry) held.delete(lease.channelId);
        deps.metrics.connectors.set(held.size);
      });
  }

  async function renew(): Promise<void> {
    const mine = [...held.values()];
    const asked = performance.now();
    const kept = await renewConnectors(
      db,
      mine.map(({ lease }) => lease),
    );
    for (const entry of mine) {
      if (kept.has(entry.lease.channelId)) entry.renewedAt = asked;
      else entry.controller.abort(new ConnectorLostError(entry.lease));
    }
  }

  const renewing = setInterval(() => {
    // A process that was stopped for longer than its leases must not go on as if it still held them.
    for (const entry of held.values()) {
      if (performance.now() - entry.renewedAt > connectorLeaseMs)
        entry.controller.abort(new ConnectorLostError(entry.lease));
    }
    if (held.size > 0)
      renew().catch((error: Error) => log.warn({ err: error }, 'leases of connectors not renewed'));
  }, connectorLeaseMs / 4);

  function next(): Promise<void> {
    return look()
      .catch((error: Error) => log.warn({ err: error }, 'looking for channels to connect to failed'))
      .then(() => {
        if (!closed) timer = setTimeout(() => (looking = next()), lookMs);
      });
  }
  let looking = next();

  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
      for (const { controller } of held.values()) controller.abort(new Error('The worker stops.'));
      const ended = Promise.all([...held.values()].map(({ done }) => done));
      await ended;
      clearInterval(renewing);
      await leaveConnectors(db, workerId).catch((error: Error) =>
        log.warn({ err: error }, 'not signed off; the others notice within seconds'),
      );
    },
  };
}

const firstDelayMs = 1_000;
const longestDelayMs = 60_000;

/** Up to twice as long after each failure, and never two workers' at the same moment. */
const backoffMs = (failures: number, random = Math.random()) =>
  Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1)) * (0.5 + random / 2);

/** Connects again and again, until the signal aborts or the platform refuses us for good. */
async function stayConnected(
  deps: ConnectorDeps,
  lease: ConnectorLease,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    let stood = false;
    let wait: number;
    try {
      await connectOnce(deps, lease, signal, log, () => {
        stood = true;
        deps.metrics.connectorEvents.inc({ outcome: 'connected' });
        log.info('connected');
      });
      if (signal.aborted) return;
      failures = stood ? 1 : failures + 1;
      wait = backoffMs(failures);
      log.info({ againInMs: Math.round(wait) }, 'connection ended');
    } catch (error) {
      if (signal.aborted || error instanceof ConnectorLostError) return;
      if (error instanceof ChannelError && error.kind === 'auth') {
        deps.metrics.connectorEvents.inc({ outcome: 'refused' });
        return tellOfTrouble(
          deps,
          lease.channelId,
          { code: 'credentials_refused', message: deps.kek.redactor.redact(error.message) },
          log,
        );
      }
      failures = stood ? 1 : failures + 1;
      wait = Math.max(backoffMs(failures), (error instanceof ChannelError && error.retryAfterMs) || 0);
      deps.metrics.connectorEvents.inc({ outcome: 'failed' });
      const reason = (error as Error).message;
      // An adapter's defect shows its stack; what happens on a network is only told.
      if (error instanceof ChannelError)
        log.warn({ reason, againInMs: Math.round(wait) }, 'connection failed');
      else log.error({ err: error, againInMs: Math.round(wait) }, 'connection failed');
    }
    await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
}

/** @throws what ended the connection */
async function connectOnce(
  deps: ConnectorDeps,
  lease: ConnectorLease,
  signal: AbortSignal,
  log: Log,
  connected: () => void,
): Promise<void> {
  const { db, kek, fetch, lookup, documents, sessions, traffic } = deps;
  const { channel, adapter, connection } = await openConnection(deps, lease.teamId, lease.channelId);
  if (!adapter.connector) throw new ChannelError('auth', 'This channel is not one that is connected to.');
  const owner = adapter.connector.cursorOwner?.(connection.settings) ?? connection.credentials;
  const cursorKey = fingerprint(kek, owner);
  const sink = {
    cursor: await readConnectorCursor(db, lease, cursorKey),
    async commit(events: readonly InboundEvent[], cursor?: string): Promise<void> {
      const result = await acceptEvents(db, { ...channel, kek }, events, {
        before: (within) => advanceCursor(within, lease, { cursor, cursorKey }),
        onDefect: (error, { externalId }) =>
          log.error({ err: error, externalId }, 'an event cannot be stored'),
      });
      wakeForEvents(deps, result);
      traffic.count(channel.id, { received: result.taken, ignored: events.length - result.taken });
      for (const [reason, count] of result.dropped) deps.metrics.channelDropped.inc({ reason }, count);
    },
  };
  const stands = (session?: unknown) => {
    if (adapter.capabilities.sendsOverConnection) sessions.open(channel.id, session);
    connected();
  };
  const { promise: overdue, resolve: giveUp } = Promise.withResolvers<void>();
  // An adapter that does not let go must not keep its channel from us for ever. It can commit nothing any more.
  const parting = () => setTimeout(giveUp, partingMs).unref();
  signal.addEventListener('abort', parting, { once: true });
  try {
    await Promise.race([
      adapter.connector.connect(connection, sink, { fetch, lookup, documents, signal, connected: stands }),
      overdue,
    ]);
  } catch (error) {
    if (adapter.capabilities.sendsOverConnection && error instanceof ChannelError)
      await explainWaiting(db, channel.id, {
        code: 'not_connected',
        message: kek.redactor.redact(error.message),
      });
    throw error;
  } finally {
    sessions.close(channel.id);
    signal.removeEventListener('abort', parting);
  }
}
