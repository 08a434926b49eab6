/** What was last observed of a channel, by what its row and the database's clock say. */
import type { ChannelState, Observed } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import type { Channel as Row } from '../generated/prisma/client.ts';

const stateColumns = {
  connects: true,
  status: true,
  problem: true,
  epoch: true,
  leaseUntil: true,
  connection: true,
  lastInboundAt: true,
  lastVerifiedAt: true,
  lastOutboundAt: true,
  lastRefused: true,
  lastSendError: true,
} as const;

type StateRow = Pick<Row, keyof typeof stateColumns>;

/** As `connectors/state.ts` writes it. */
interface Connection {
  epoch: number;
  status: 'connecting' | 'connected' | 'disconnected' | 'refused';
  since: string;
  connectedAt?: string;
  error?: Observed;
  nextTryAt?: string;
}

const clock = statement<{ now: Date }>('SELECT now() AS now');

/** The clock that leases run by. */
export async function databaseNow(db: Pick<Database, 'query'>): Promise<Date> {
  return (await db.query(clock))[0]!.now;
}

const time = (text: string | undefined): string | null => (text ? new Date(text).toISOString() : null);

const observed = (seen: unknown): Observed | null => {
  const { at, code, message } = (seen ?? {}) as Partial<Observed>;
  return at && code && message !== undefined ? { at: new Date(at).toISOString(), code, message } : null;
};

function statusOf(row: StateRow, connection: Connection | null, now: Date): ChannelState['status'] {
  if (row.status === 'paused') return 'paused';
  if (row.status === 'attention') return 'refused';
  if (!row.connects) return (row.lastVerifiedAt ?? row.lastInboundAt) ? 'receiving' : 'never_called';
  // Whatever a worker has said: one whose lease has run out is not connected any more, as far as anybody knows.
  if (row.leaseUntil === null || row.leaseUntil <= now) return connection ? 'unattended' : 'never_connected';
  return connection?.epoch === row.epoch ? connection.status : 'connecting';
}

export function toState(row: StateRow, now: Date): ChannelState {
  const connection = row.connection as Connection | null;
  const status = statusOf(row, connection, now);
  const isCurrent = status === connection?.status;
  const refused = row.lastRefused as { at: string; reason: string } | null;
  const problem = observed(row.problem);
  return {
    status,
    since:
      status === 'refused' && problem
        ? problem.at
        : status === 'unattended'
          ? (row.leaseUntil?.toISOString() ?? null)
          : isCurrent
            ? time(connection.since)
            : null,
    lastConnectedAt: time(connection?.connectedAt),
    error: (status === 'refused' ? problem : null) ?? observed(connection?.error),
    nextTryAt: status === 'disconnected' ? time(connection?.nextTryAt) : null,
    lastVerifiedAt: row.lastVerifiedAt?.toISOString() ?? null,
    lastRefused: refused && { at: new Date(refused.at).toISOString(), reason: refused.reason },
    lastSentAt: row.lastOutboundAt?.toISOString() ?? null,
    lastSendError: observed(row.lastSendError),
  };
}

/** How many channels of each kind are in each state. */
export async function countChannelStates(
  db: Database,
): Promise<{ kind: string; status: ChannelState['status']; count: number }[]> {
  const [rows, now] = await Promise.all([
    db.prisma.channel.findMany({ where: { deletedAt: null }, select: { ...stateColumns, kind: true } }),
    databaseNow(db),
  ]);
  const counts = new Map<string, { kind: string; status: ChannelState['status']; count: number }>();
  for (const { kind, ...row } of rows) {
    const { status } = toState(row, now);
    const entry = counts.get(`${kind}/${status}`) ?? { kind, status, count: 0 };
    counts.set(`${kind}/${status}`, { ...entry, count: entry.count + 1 });
  }
  return [...counts.values()];
}
