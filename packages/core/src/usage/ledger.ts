/** The ledger: what every call to a vendor used and cost. The calls of a run are written with its steps. */
import { storableText, type TokenUsage } from '@nightshift/contracts';
import { type Database, newId } from '../database/index.ts';

/** A call that no run asked for. */
export interface UsageRecord {
  /** The API key that asked for it. */
  apiKeyId: string | null;
  /** What it was for, e.g. `test`. */
  task: string;
  provider: string;
  /** That was asked. */
  model: string;
  /** The model that answered, where it is another one. */
  answeredModel: string | null;
  wire: string;
  credentialId: string | null;
  /** `ok`, or the kind of error. */
  outcome: string;
  error: string | null;
  /** Null: nothing was used. */
  usage: TokenUsage | null;
  /** At least a part of `usage` is our estimate. */
  estimated: boolean;
  /** Decimal string. Null: unknown, which is not 0. */
  costUsd: string | null;
  /** It is what the vendor says that it charges. */
  costReported: boolean;
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
      answeredModel: record.answeredModel,
      wire: record.wire,
      credentialId: record.credentialId,
      outcome: record.outcome,
      detail: error === null ? null : storableText(error),
      inputTokens: usage?.input ?? null,
      cachedTokens: usage?.cachedInput ?? null,
      cacheWriteTokens: usage?.cacheWrite ?? null,
      outputTokens: usage?.output ?? null,
      reasoningTokens: usage?.reasoning ?? null,
      estimated: record.estimated,
      costUsd: record.costUsd,
      costReported: record.costReported,
      firstTokenMs: record.firstTokenMs,
      durationMs: record.durationMs,
      startedAt: record.startedAt,
    })),
  });
}
