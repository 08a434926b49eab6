import { z } from 'zod';

export const CatalogProvider = z.object({
  id: z.string(),
  name: z.string(),
  /** The usual one first. */
  wires: z.array(z.string()),
  /** With placeholders for its parameters, `{region}`. Null: the team gives it. */
  baseUrl: z.string().nullable(),
  docs: z.string().nullable(),
  /** Environment variables that hold its key. */
  env: z.array(z.string()),
  defaultModel: z.string().nullable(),
  /** Runs on one's own machines: needs no key. */
  local: z.boolean(),
  /** Whether costs can be told from the price list. */
  priced: z.boolean(),
  /** What to ask for when it is set up. `parameters.region` is the field `region` of `parameters`. */
  fields: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      secret: z.boolean(),
      required: z.boolean(),
      default: z.string().nullable(),
    }),
  ),
  /** Where a usable key was found. */
  configured: z.object({ environment: z.boolean(), credentials: z.number().int() }),
});
export type CatalogProvider = z.infer<typeof CatalogProvider>;

export const CatalogModel = z.object({
  /** As an agent's `model` takes it. */
  ref: z.string(),
  provider: z.string(),
  contextWindow: z.number().int().nullable(),
  /** USD per million tokens; null when unknown. */
  price: z.object({ input: z.string(), output: z.string() }).nullable(),
  /** prices: the price list knows it · live: the provider lists it for the team's key */
  sources: z.array(z.enum(['prices', 'live'])),
});
export type CatalogModel = z.infer<typeof CatalogModel>;

export const CatalogModelsQuery = z
  .strictObject({
    provider: z
      .string()
      .max(50)
      .optional()
      .meta({ description: 'A vendor, or the name of a custom endpoint.' }),
    live: z.stringbool().default(false).meta({
      description: "Ask the provider for its list too, with the team's key; remembered for five minutes.",
    }),
  })
  .refine(({ live, provider }) => !live || provider !== undefined, {
    path: ['provider'],
    message: 'is required with live',
  });
export type CatalogModelsQuery = z.input<typeof CatalogModelsQuery>;

export const CatalogModels = z.object({
  data: z.array(CatalogModel),
  /** Why the provider's own list is not among them; null when it is, or was not asked for. */
  problem: z.string().nullable(),
});
export type CatalogModels = z.infer<typeof CatalogModels>;

export const CatalogTool = z.object({
  name: z.string(),
  description: z.string(),
  effect: z.enum(['none', 'idempotent', 'once']),
  parameters: z.record(z.string(), z.unknown()),
});
export type CatalogTool = z.infer<typeof CatalogTool>;

/** Enough to draw a setup form. */
export const CatalogChannel = z.object({
  /** `kind` of a channel. */
  slug: z.string(),
  name: z.string(),
  summary: z.string(),
  connects: z.array(z.enum(['webhook', 'socket', 'polling'])),
  fields: z.array(
    z.object({
      name: z.string(),
      in: z.enum(['credentials', 'settings']),
      label: z.string(),
      help: z.string(),
      secret: z.boolean(),
      harmless: z
        .boolean()
        .optional()
        .meta({ description: 'It may change without the secrets that are stored.' }),
      required: z.boolean(),
      placeholder: z.string().optional(),
      type: z.enum(['text', 'url', 'number', 'boolean', 'choice']),
      choices: z.array(z.object({ value: z.string(), label: z.string() })).optional(),
      pattern: z
        .string()
        .optional()
        .meta({ description: 'Regular expression of the whole value, for the flags `iu`.' }),
      expects: z.string().optional().meta({ description: 'What to say where the value does not fit it.' }),
      min: z.number().int().optional(),
      max: z.number().int().optional(),
    }),
  ),
  /** What to do, in order; `{webhookUrl}` stands for the address that the new channel is given. */
  setup: z.array(z.string()),
  /** What a web page is given, with `{publicUrl}` and `{key}`; absent where the channel lives elsewhere. */
  snippet: z.string().optional(),
  docs: z.string(),
  defaults: z.object({ strangers: z.enum(['pair', 'ignore', 'answer']), live: z.boolean() }),
});
export type CatalogChannel = z.infer<typeof CatalogChannel>;
