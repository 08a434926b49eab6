/** Health of model keys: what the workers have learned of an endpoint, a key and a model together. */
import { z } from 'zod';
import { ExactModelRef } from './policies.ts';
import { Id, Timestamp } from './primitives.ts';

/** closed: nothing is wrong · open: left alone for a while · half-open: the next call tries whether it is well again */
export const CircuitState = z.enum(['closed', 'open', 'half-open']);
export type CircuitState = z.infer<typeof CircuitState>;

export const ProviderHealth = z.object({
  /** `provider/model`. */
  target: z.string(),
  /** Null: the key of the environment, or none is needed. */
  credentialId: Id.nullable(),
  keyLabel: z.string().nullable(),
  state: CircuitState,
  /** Left alone until then. Null when closed. */
  openUntil: Timestamp.nullable(),
  /** In a row. */
  failures: z.number().int(),
  /** The last one that mattered, also when all is well again. */
  lastError: z.object({ kind: z.string(), message: z.string(), at: Timestamp }).nullable(),
  succeededAt: Timestamp.nullable(),
  /** Moving average of the time to the first token. Null: not measured. */
  firstTokenMs: z.number().int().nullable(),
});
export type ProviderHealth = z.infer<typeof ProviderHealth>;

export const ProviderHealthReset = z.strictObject({
  target: ExactModelRef.optional().meta({ description: 'Absent: everything of the team.' }),
});
export type ProviderHealthReset = z.infer<typeof ProviderHealthReset>;

/** What one worker tells the others of a circuit. Durations, since their clocks may differ. */
export interface CircuitRecord {
  /** Digest of team, endpoint, key and model: a changed key is another one. */
  id: string;
  teamId: string;
  provider: string;
  model: string;
  credentialId: string | null;
  /** Whose call has found it out. Null: none of a conversation's. */
  conversationId: string | null;
  /** For how long it is left alone, in milliseconds. 0 or less: half-open. Null: closed. */
  openForMs: number | null;
  /** For how long somebody is still trying it. 0 or less: nobody is. */
  probeForMs: number;
  failures: number;
  errorKind: string | null;
  error: string | null;
  firstTokenMs: number | null;
}
