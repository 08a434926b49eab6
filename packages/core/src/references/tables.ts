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
  /** Which are addressed by a name that none of those has. */
  readonly alsoNamed?: string;
  /** Whoever has named none of them is not told which there are: not everybody may list them. */
  readonly discreet?: boolean;
}

export const tables: Readonly<Record<ReferenceKind, Table>> = {
  agent: { table: 'agent', name: 'name', live: 'deleted_at IS NULL' },
  channel: { table: 'channel', name: 'name', live: 'deleted_at IS NULL' },
  schedule: {
    table: 'schedule',
    name: 'name',
    live: 'deleted_at IS NULL',
    // One that is finished gives its name back. Agents name theirs as they like, and guests' are nobody's to address.
    named: "NOT made_by_agent AND guest_id IS NULL AND status <> 'finished'",
    alsoNamed: "guest_id IS NULL AND status <> 'finished'",
  },
  webhook: { table: 'webhook', name: 'name', live: 'true' },
  budget: { table: 'budget', name: 'name', live: 'true' },
  credential: { table: 'provider_credential', name: 'name', live: 'true' },
  person: { table: 'person', name: 'name', live: 'true' },
  conversation: { table: 'conversation', name: null, live: 'true' },
  run: { table: 'run', name: null, live: 'true' },
  delivery: { table: 'delivery', name: null, live: 'true' },
  apiKey: { table: 'api_key', name: 'name', live: 'revoked_at IS NULL', discreet: true },
};
