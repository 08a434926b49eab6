/** People, and as whom the channels know them. */
import { z } from 'zod';
import { Id, Named, SearchText, Timestamp } from './primitives.ts';
import { NamedListQuery, referenceTo, severalOf } from './references.ts';

export const IdentityStatus = z.enum(['pending', 'approved', 'blocked']);
export type IdentityStatus = z.infer<typeof IdentityStatus>;

/** Somebody as one channel knows them. */
export const Identity = z.object({
  id: Id,
  channelId: Id,
  channel: Named,
  /** Null: they wait for approval, and nobody has answered them yet. */
  personId: Id.nullable(),
  person: Named.nullable(),
  /** The platform's id of them. */
  externalId: z.string(),
  name: z.string().nullable(),
  /** False: their id is a name that anybody can take there. It cannot be approved or linked (docs/channels/README.md). */
  vouched: z.boolean(),
  status: IdentityStatus,
  /** How many messages of theirs wait, and are answered when they are approved. */
  heldMessages: z.number().int(),
  /** They were told a pairing code, which ends then. */
  pairingUntil: Timestamp.nullable(),
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
});
export type Identity = z.infer<typeof Identity>;

export const IdentityListQuery = NamedListQuery.extend({ status: severalOf(IdentityStatus).optional() });
export type IdentityListQuery = z.infer<typeof IdentityListQuery>;

export const IdentityUpdate = z.strictObject({ status: z.enum(['approved', 'blocked']) });
export type IdentityUpdate = z.infer<typeof IdentityUpdate>;

export const PairingApprove = z.strictObject({
  code: z
    .string()
    .max(50)
    .transform((code) => code.toUpperCase().replaceAll(/[\s-]/g, ''))
    .refine((code) => /^[0-9A-Z]{8}$/.test(code), 'must be the eight characters that the person was told'),
});
export type PairingApprove = z.infer<typeof PairingApprove>;

/** A human, over all channels. */
export const Person = z.object({
  id: Id,
  name: z.string(),
  identities: z.array(Identity),
  createdAt: Timestamp,
});
export type Person = z.infer<typeof Person>;

export const PersonUpdate = z.strictObject({ name: z.string().trim().min(1).max(200) });
export type PersonUpdate = z.infer<typeof PersonUpdate>;

export const IdentityLink = z.strictObject({ identityId: Id });
export type IdentityLink = z.infer<typeof IdentityLink>;

export const PersonListQuery = NamedListQuery.extend({
  // Platforms give people's names, which stay as they came.
  name: SearchText.max(200).optional().meta({ description: 'Exactly this name.' }),
  q: SearchText.trim()
    .max(200)
    .optional()
    .meta({ description: 'A part of a name, or of how a channel knows them.' }),
  channelId: referenceTo('channel').optional().meta({ description: 'Only people whom this channel knows.' }),
});
export type PersonListQuery = z.infer<typeof PersonListQuery>;
