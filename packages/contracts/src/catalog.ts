import { z } from 'zod';

export const CatalogProvider = z.object({
  id: z.string(),
  name: z.string(),
  wire: z.string(),
  baseUrl: z.string().nullable(),
  docs: z.string().nullable(),
  /** Environment variables that hold its key. */
  env: z.array(z.string()),
  defaultModel: z.string().nullable(),
  /** What to ask for when it is set up. */
  fields: z.array(
    z.object({ name: z.string(), label: z.string(), secret: z.boolean(), required: z.boolean() }),
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
});
export type CatalogModel = z.infer<typeof CatalogModel>;

export const CatalogTool = z.object({
  name: z.string(),
  description: z.string(),
  effect: z.enum(['none', 'idempotent', 'once']),
  parameters: z.record(z.string(), z.unknown()),
});
export type CatalogTool = z.infer<typeof CatalogTool>;
