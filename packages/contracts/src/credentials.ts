import { z } from 'zod';
import { Id, recordOf, SecretInfo, Timestamp } from './primitives.ts';
import { NamedListQuery } from './references.ts';
import { trimEndOf } from './text.ts';

/** As a header can carry it; or a document of JSON (a service account), from which tokens are made. */
const ApiKey = z
  .string()
  .trim()
  .min(1)
  .max(8192)
  .refine(
    (value) => (value.startsWith('{') ? isJson(value) : /^[\x21-\x7e]{1,4096}$/.test(value)),
    'must be printable ASCII without spaces or line breaks, or a JSON document',
  );

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** http or https, without userinfo, query or fragment. Stored without a trailing slash. */
export const BaseUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .max(500)
  .refine((value) => {
    const url = new URL(value);
    return !url.username && !url.password && !url.search && !url.hash;
  }, 'must have no user, query or fragment')
  .transform((value) => trimEndOf(value, '/'));

/** USD per million tokens. */
const PerMillion = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,10})?$/, 'must be USD per million tokens as a decimal string, e.g. "0.25"');

/** A team's own prices. Without `cachedInput`, input that was read from a cache costs as much as any. */
export const TokenPrices = z
  .strictObject({ input: PerMillion, output: PerMillion, cachedInput: PerMillion.optional() })
  .meta({ description: 'USD per million tokens, for models that the price list does not know.' });
export type TokenPrices = z.infer<typeof TokenPrices>;

export const customProviders = ['openai-compatible', 'anthropic-compatible'] as const;

const Label = z.string().trim().min(1).max(50);

const Weight = z
  .number()
  .int()
  .min(0)
  .max(1000)
  .meta({ description: "Its share among the provider's keys. 0: only when no other is left." });

const Parameters = recordOf(z.string().max(50), z.string().trim().min(1).max(100), 20).meta({
  description:
    "What the vendor's address needs besides the key, and `wire` where it speaks several: GET /v1/catalog/providers.",
});

export const CredentialCreate = z
  .strictObject({
    provider: z.string().max(50).meta({ description: 'A vendor of GET /v1/catalog/providers.' }),
    label: Label.default('default'),
    apiKey: ApiKey.optional(),
    baseUrl: BaseUrl.optional().meta({
      description: 'Required for openai-compatible and anthropic-compatible.',
    }),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower case letters, digits and dashes')
      .optional()
      .meta({ description: 'Custom endpoints only: models are then addressed as name/model.' }),
    weight: Weight.default(1),
    parameters: Parameters.default({}),
    prices: TokenPrices.optional(),
  })
  .superRefine((body, context) => {
    const custom = (customProviders as readonly string[]).includes(body.provider);
    const need = (path: 'name' | 'baseUrl' | 'apiKey', message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (custom && !body.name) need('name', `is required for ${body.provider}`);
    if (custom && !body.baseUrl) need('baseUrl', `is required for ${body.provider}`);
    if (!custom && body.name) need('name', 'is only for openai-compatible and anthropic-compatible');
  });
export type CredentialCreate = z.infer<typeof CredentialCreate>;

export const CredentialUpdate = z.strictObject({
  label: Label.optional(),
  apiKey: ApiKey.optional(),
  baseUrl: BaseUrl.nullable().optional().meta({ description: "Null: the vendor's own." }),
  weight: Weight.optional(),
  parameters: Parameters.optional(),
  prices: TokenPrices.nullable().optional().meta({ description: 'Null: none.' }),
});
export type CredentialUpdate = z.infer<typeof CredentialUpdate>;

/**
 * What the workers have learned of a key. ok: it answers · resting: left alone for a while · refused: nothing will come
 * of it until a person has done something · unknown: not used yet
 */
export const CredentialHealth = z.object({
  status: z.enum(['ok', 'resting', 'refused', 'unknown']),
  /** For people; null when nothing is wrong. */
  problem: z.string().nullable(),
  /** It is not tried before. Null: it may be tried. */
  until: Timestamp.nullable(),
});
export type CredentialHealth = z.infer<typeof CredentialHealth>;

export const Credential = z.object({
  id: Id,
  provider: z.string(),
  label: z.string(),
  name: z.string().nullable(),
  baseUrl: z.string().nullable(),
  apiKey: SecretInfo,
  weight: z.number().int(),
  parameters: z.record(z.string(), z.string()),
  prices: TokenPrices.nullable(),
  health: CredentialHealth,
  createdAt: Timestamp,
  updatedAt: Timestamp,
  lastUsedAt: Timestamp.nullable(),
});
export type Credential = z.infer<typeof Credential>;

export const CredentialListQuery = NamedListQuery;
export type CredentialListQuery = z.infer<typeof CredentialListQuery>;

export const CredentialTest = z.strictObject({
  model: z.string().trim().min(1).max(200).optional().meta({
    description:
      "The vendor's own id, e.g. an Azure deployment. Default: the cheapest that the key can call.",
  }),
});
export type CredentialTest = z.infer<typeof CredentialTest>;

export const CredentialTestResult = z.object({
  ok: z.boolean(),
  /** The one that was called last; null when none could be chosen. */
  model: z.string().nullable(),
  /** Of that call, in milliseconds. */
  latencyMs: z.number().int().nullable(),
  problem: z
    .object({
      /** As in the ledger's outcome: auth, billing, network … */
      kind: z.string(),
      message: z.string(),
      /** What to do. */
      hint: z.string(),
    })
    .nullable(),
  /** How many models the vendor lists for this key. Null: it could not be told. */
  models: z.number().int().nullable(),
});
export type CredentialTestResult = z.infer<typeof CredentialTestResult>;
