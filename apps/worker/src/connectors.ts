/**
 * Keeps this worker's connections to platforms that do not push to us. Every worker looks for channels that nobody is
 * connected to, up to its share; the lease decides who gets one, and is given back on drain and when another worker comes.
 *
 * A connection is made of credentials and settings, and ends when they change. Who is answered, and by whom, is read with
 * each batch of events, so a change of that ends nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionDeps, openConnection } from '@nightshift/agent';
import { ChannelError, type InboundEvent, type Lookup } from '@nightshift/channels';
import type { DocumentReader, Fetch } from '@nightshift/contracts';
import { fingerprint, readScope, type TrafficCounter } from '@nightshift/core/channels';
import {
  advanceCursor,
  type ConnectorLease,
  ConnectorLostError,
  claimConnectors,
  connectorLeaseMs,
  connectorShare,
  leaveConnectors,
  noteConnection,
  type ObservedConnection,
  readConnectorCursor,
  releaseConnector,
  renewConnectors,
} from '@nightshift/core/connectors';
import { anyId, type EventBus } from '@nightshift/core/events';
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
  bus: EventBus;
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
  isConnected: boolean;
  done: Promise<void>;
}

/** Changes of channels that come one after the other are looked at together, after so many milliseconds. */
const changeMs = 50;

export function startConnectors(deps: ConnectorDeps): Connectors {
  const { db, log, workerId } = deps;
  const held = new Map<string, Held>();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let changed: NodeJS.Timeout | undefined;

  const showConnected = () =>
    deps.metrics.connectors.set([...held.values()].filter(({ isConnected }) => isConnected).length);

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
    const entry: Held = {
      lease,
      controller,
      renewedAt: performance.now(),
      isConnected: false,
      done: Promise.resolve(),
    };
    const connectorLog = log.child({ channelId: lease.channelId });
    held.set(lease.channelId, entry);
    let noted: Promise<unknown> = Promise.resolve();
    const observe = async (seen: ObservedConnection): Promise<void> => {
      entry.isConnected = seen.status === 'connected';
      showConnected();
      // One after the other, so that the last one stays.
      noted = noted.then(() =>
        noteConnection(db, lease, seen).catch((error: Error) =>
          connectorLog.warn({ err: error, status: seen.status }, 'state of a connection not written'),
        ),
      );
      await noted;
    };
    entry.done = stayConnected(deps, lease, controller.signal, connectorLog, observe)
      .catch((error: Error) => connectorLog.error({ err: error }, 'connector failed for an internal reason'))
      .then(() => releaseConnector(db, lease))
      .catch((error: Error) =>
        connectorLog.warn({ err: error }, 'connector not released; its lease runs out'),
      )
      .finally(() => {
        entry.isConnected = false;
        if (held.get(lease.channelId) === entry) held.delete(lease.channelId);
        showConnected();
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
    clearTimeout(timer);
    return look()
      .catch((error: Error) => log.warn({ err: error }, 'looking for channels to connect to failed'))
      .then(() => {
        if (!closed) timer = setTimeout(() => (looking = next()), lookMs);
      });
  }
  let looking = next();

  /** What was changed ends at once, and is taken up again at once; a signal that is lost is made good by the timers. */
  async function takeNote(): Promise<void> {
    const before = held.size;
    if (before > 0) await renew();
    const ending = [...held.values()].filter(({ controller }) => controller.signal.aborted);
    await Promise.all(ending.map(({ done }) => done));
    if (!closed) looking = looking.then(next);
  }

  const unsubscribe = deps.bus.subscribe('channel', anyId, () => {
    changed ??= setTimeout(() => {
      changed = undefined;
      takeNote().catch((error: Error) => log.warn({ err: error }, 'a change of channels was not looked at'));
    }, changeMs);
  });

  return {
    async close() {
      closed = true;
      unsubscribe();
      clearTimeout(timer);
      clearTimeout(changed);
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
  observe: (seen: ObservedConnection) => Promise<void>,
): Promise<void> {
  const inWords = (error: unknown) => deps.kek.redactor.redact((error as Error).message);
  await observe({ status: 'connecting' });
  for (let failures = 0; !signal.aborted; ) {
    let stood = false;
    let wait: number;
    let error = { code: 'connection_ended', message: 'The platform ended the connection.' };
    try {
      await connectOnce(deps, lease, signal, log, () => {
        stood = true;
        deps.metrics.connectorEvents.inc({ outcome: 'connected' });
        log.info('connected');
        void observe({ status: 'connected' });
      });
      if (signal.aborted) return;
      failures = stood ? 1 : failures + 1;
      wait = backoffMs(failures);
      log.info({ againInMs: Math.round(wait) }, 'connection ended');
    } catch (cause) {
      if (signal.aborted || cause instanceof ConnectorLostError) return;
      if (cause instanceof ChannelError && cause.kind === 'auth') {
        deps.metrics.connectorEvents.inc({ outcome: 'refused' });
        const problem = { code: 'credentials_refused', message: inWords(cause) };
        await observe({ status: 'refused', error: problem });
        return tellOfTrouble(deps, lease.channelId, problem, log);
      }
      failures = stood ? 1 : failures + 1;
      wait = Math.max(backoffMs(failures), (cause instanceof ChannelError && cause.retryAfterMs) || 0);
      deps.metrics.connectorEvents.inc({ outcome: 'failed' });
      // An adapter's defect shows its stack, in the log alone; what happens on a network is only told.
      if (cause instanceof ChannelError) {
        error = { code: 'not_connected', message: inWords(cause) };
        log.warn({ reason: cause.message, againInMs: Math.round(wait) }, 'connection failed');
      } else {
        error = { code: 'internal', message: 'The server failed. Its log has the details.' };
        log.error({ err: cause, againInMs: Math.round(wait) }, 'connection failed');
      }
    }
    await observe({ status: 'disconnected', error, nextTryInMs: wait });
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
  const { db, kek, fetch, lookup, documents, sessions, traffic, bus } = deps;
  const { channel, adapter, connection: opened } = await openConnection(deps, lease.teamId, lease.channelId);
  if (!adapter.connector) throw new ChannelError('auth', 'This channel is not one that is connected to.');
  const owner = adapter.connector.cursorOwner?.(opened.settings) ?? opened.credentials;
  const cursorKey = fingerprint(kek, owner);
  const cursor = await readConnectorCursor(db, lease, cursorKey);
  // A test finds out who we are while we are connected, which is no reason to connect again.
  const current = { account: opened.account };
  const connection = {
    credentials: opened.credentials,
    settings: opened.settings,
    get account() {
      return current.account;
    },
  };
  const unsubscribe = bus.subscribe('channel', channel.id, () => {
    readScope(db, channel.id).then(
      (scope) => {
        if (scope) current.account = scope.account;
      },
      (error: Error) => log.warn({ err: error }, 'a change of the channel was not read'),
    );
  });
  const source = { id: channel.id, teamId: channel.teamId, kek };
  const sink = {
    cursor,
    async commit(events: readonly InboundEvent[], next?: string): Promise<void> {
      const result = await acceptEvents(db, source, events, {
        before: async (within) => {
          const scope = await advanceCursor(within, lease, { cursor: next, cursorKey });
          current.account = scope.account;
          return scope;
        },
        onDefect: (error, { externalId }) =>
          log.error({ err: error, externalId }, 'an event cannot be stored'),
      });
      wakeForEvents(deps, result);
      traffic.count(channel.id, { received: result.taken, ignored: events.length - result.taken });
      for (const [reason, count] of result.dropped) deps.metrics.channelDropped.inc({ reason }, count);
    },
  };
  const stands = (session?: unknown) => {
    if (adapter.capabilities.sendsOverConnection) sessions.open(channel.id, lease.epoch, session);
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
    unsubscribe();
    sessions.close(channel.id, lease.epoch);
    signal.removeEventListener('abort', parting);
  }
}
