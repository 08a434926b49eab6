import { z } from 'zod';
import { Id, Role, shownOnce, Timestamp } from './primitives.ts';
import { NamedListQuery } from './references.ts';

export const Team = z.object({ id: Id, name: z.string(), createdAt: Timestamp });
export type Team = z.infer<typeof Team>;
export const TeamUpdate = z.strictObject({ name: z.string().trim().min(1).max(100) });

export const ApiKeyListQuery = NamedListQuery;
export type ApiKeyListQuery = z.infer<typeof ApiKeyListQuery>;

export const ApiKeyCreate = z.strictObject({ name: z.string().trim().min(1).max(100), role: Role });
export type ApiKeyCreate = z.infer<typeof ApiKeyCreate>;

export const ApiKey = z.object({
  id: Id,
  name: z.string(),
  role: Role,
  last4: z.string(),
  createdAt: Timestamp,
  lastUsedAt: Timestamp.nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** Only the answer to its creation holds the key itself. */
export const ApiKeyCreated = ApiKey.extend({ key: shownOnce(z.string()) });
export type ApiKeyCreated = z.infer<typeof ApiKeyCreated>;

/** Who the caller is. */
export const Me = z.object({ team: Team, key: ApiKey });
export type Me = z.infer<typeof Me>;
