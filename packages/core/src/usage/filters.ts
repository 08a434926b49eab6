import type { UsageEntryQuery } from '@nightshift/contracts';

/** What every question to the ledger may ask for. */
export type UsageFilters = Pick<
  UsageEntryQuery,
  | 'from'
  | 'to'
  | 'agentId'
  | 'memberId'
  | 'personId'
  | 'channelId'
  | 'scheduleId'
  | 'conversationId'
  | 'runId'
  | 'provider'
  | 'model'
  | 'task'
>;

/** The condition on `usage_entry e`. Takes parameters $1 to $13, as `filterValues` gives them. */
export const filterCondition = `
  e.team_id = $1
  AND ($2::timestamptz IS NULL OR e.created_at >= $2) AND ($3::timestamptz IS NULL OR e.created_at < $3)
  AND ($4::uuid IS NULL OR e.agent_id = $4) AND ($5::uuid IS NULL OR e.api_key_id = $5)
  AND ($6::uuid IS NULL OR e.person_id = $6) AND ($7::uuid IS NULL OR e.channel_id = $7)
  AND ($8::uuid IS NULL OR e.schedule_id = $8) AND ($9::uuid IS NULL OR e.conversation_id = $9)
  AND ($10::uuid IS NULL OR e.run_id = $10) AND ($11::text IS NULL OR e.provider = $11)
  AND ($12::text IS NULL OR e.model = $12 OR e.provider || '/' || e.model = $12)
  AND ($13::text IS NULL OR e.task = $13)`;

export const filterValues = (teamId: string, filters: UsageFilters): unknown[] => [
  teamId,
  filters.from ?? null,
  filters.to ?? null,
  filters.agentId ?? null,
  filters.memberId ?? null,
  filters.personId ?? null,
  filters.channelId ?? null,
  filters.scheduleId ?? null,
  filters.conversationId ?? null,
  filters.runId ?? null,
  filters.provider ?? null,
  filters.model ?? null,
  filters.task ?? null,
];
