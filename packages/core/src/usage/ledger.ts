/** The ledger: what every call to a vendor used and cost. The calls of a run are written with its steps. */
import type { TokenUsage } from '@nightshift/contracts';
import { type Database, newId } from '../database/index.ts';

/** A call that no run asked for. */
export interface UsageRecord {
  /** The API key that asked for it. */
  apiKeyId: string | null;
  /** What it was for, e.g. `test`. */
  task: string;
  provider: string;
  model: string;
  wire: string;
  credentialId: string | null;
  /** `ok`, or the kind of error. */
  outcome: string;
  error: string | null;
  /** Null: the vendor did not say. */
  usage: TokenUsage | null;
  /** Decimal string. Null: unknown, which is not 0. */
  costUsd: string | null;
  firstTokenMs: number | null;
  durationMs: number;
  startedAt: Date;
}

export async function insertUsage(
  db: Database,
  teamId: string,
  records: readonly UsageRecord[],
): Promise<void> {
  await db.prisma.usageEntry.createMany({
    data: records.map(({ usage, error, ...record }) => ({
      id: newId(),
      teamId,
      apiKeyId: record.apiKeyId,
      task: record.task,
      provider: record.provider,
      model: record.model,
      wire: record.wire,
      credentialId: record.credentialId,
      outcome: record.outcome,
      detail: error,
      inputTokens: usage?.input ?? null,
      cachedTokens: usage?.cachedInput ?? null,
      cacheWriteTokens: usage?.cacheWrite ?? null,
      outputTokens: usage?.output ?? null,
      reasoningTokens: usage?.reasoning ?? null,
      costUsd: record.costUsd,
      firstTokenMs: record.firstTokenMs,
      durationMs: record.durationMs,
      startedAt: record.startedAt,
    })),
  });
}
