/** Where the records of each kind are, and which of them are addressed. */
import type { ReferenceKind } from '@nightshift/contracts';

export interface Table {
  readonly table: string;
  /** The column of the name; null: they have none. */
  readonly name: string | null;
  /** Which rows there are to be addressed at all. */
  readonly live: string;
  /** Which of them are addressed by name: of the others the id is asked for. Default: all. */
  readonly named?: string;
}

export const tables: Readonly<Record<ReferenceKind, Table>> = {
  agent: { table: 'agent', name: 'name', live: 'deleted_at IS NULL' },
  channel: { table: 'channel', name: 'name', live: 'deleted_at IS NULL' },
  schedule: {
    table: 'schedule',
    name: 'name',
    live: 'deleted_at IS NULL',
    // Guests name theirs as they like. One that is finished gives its name back.
    named: "guest_id IS NULL AND status <> 'finished'",
  },
  webhook: { table: 'webhook', name: 'name', live: 'true' },
  budget: { table: 'budget', name: 'name', live: 'true' },
  credential: { table: 'provider_credential', name: 'name', live: 'true' },
  person: { table: 'person', name: 'name', live: 'true' },
  conversation: { table: 'conversation', name: null, live: 'true' },
  run: { table: 'run', name: null, live: 'true' },
  delivery: { table: 'delivery', name: null, live: 'true' },
  apiKey: { table: 'api_key', name: 'name', live: 'revoked_at IS NULL' },
};
