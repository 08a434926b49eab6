/** What a row of the catalogue says. */
import { z } from 'zod';
import { type Compat, wireNames } from '../provider.ts';

const EnvName = z.string().regex(/^[A-Z][A-Z0-9_]*$/);
const CompatFlags = z.custom<Compat>((value) => typeof value === 'object' && value !== null);

/** A part of the address that differs by customer. */
export const Parameter = z.strictObject({
  /** For people who fill it in. */
  label: z.string().min(1),
  /** Environment variables that may hold it, the vendor's own name first. */
  env: z.array(EnvName).readonly(),
  example: z.string().min(1),
  default: z.string().min(1).optional(),
});
export type Parameter = z.infer<typeof Parameter>;

export const Vendor = z.strictObject({
  /** The first part of a model reference, `openai/gpt-5.4`. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  name: z.string().min(1),
  /**
   * Without a trailing slash. `{region}` stands for a parameter; `{location-}` for one and a dash, or for nothing when
   * it is `global`. Null where the team gives the address (a custom endpoint), or where there is none (demo).
   */
  baseUrl: z.string().min(1).nullable(),
  /** The wire that is spoken unless a credential says otherwise. */
  wire: z.enum(wireNames),
  /** Others that it speaks, each at the same address and with the same flags unless it says so. */
  otherWires: z
    .array(
      z.strictObject({
        wire: z.enum(wireNames),
        baseUrl: z.string().min(1).optional(),
        compat: CompatFlags.optional(),
      }),
    )
    .readonly()
    .default([]),
  /** Environment variables that may hold a key, the vendor's own name first. */
  env: z.array(EnvName).readonly(),
  /** What `baseUrl` has placeholders for. */
  parameters: z.record(z.string().regex(/^[a-z]+$/), Parameter).default({}),
  /** The key may be a Google service account in JSON: access tokens are made from it. */
  googleTokens: z.boolean().optional(),
  /** Where the models are listed, if not at `{baseUrl}/models`. Null: nowhere, or not by the names that calls take. */
  modelsUrl: z
    .url({ protocol: /^https$/ })
    .nullable()
    .optional(),
  /** The vendor's exact name in the price list. Without it no price is known. */
  priceList: z.string().optional(),
  /** The vendor's documentation. Null for the built-in demo. */
  docs: z.url({ protocol: /^https$/ }).nullable(),
  /** A model that is generally available, takes tools, and is no vendor's dearest. */
  defaultModel: z.string().optional(),
  /** Runs on the user's machines: needs no key and costs nothing a token. */
  local: z.boolean().optional(),
  compat: CompatFlags.default({}),
});
export type Vendor = z.infer<typeof Vendor>;

/** A row as it is written. */
export type VendorRow = z.input<typeof Vendor>;
