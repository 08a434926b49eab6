import { z } from 'zod';
import { Id, SecretInfo, Timestamp } from './primitives.ts';

const header = z
  .string()
  .trim()
  .min(1)
  .max(4096)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces or line breaks');

/** http or https, without userinfo, query or fragment. Stored without a trailing slash. */
export const BaseUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .max(500)
  .refine((value) => {
    const url = new URL(value);
    return !url.username && !url.password && !url.search && !url.hash;
  }, 'must have no user, query or fragment')
  .transform((value) => value.replace(/\/+$/, ''));

export const customProviders = ['openai-compatible', 'anthropic-compatible'] as const;

export const CredentialCreate = z
  .strictObject({
    provider: z.string().max(50).meta({ description: 'A vendor of GET /v1/catalog/providers.' }),
    label: z.string().trim().min(1).max(50).default('default'),
    apiKey: header.optional(),
    baseUrl: BaseUrl.optional().meta({
      description: 'Required for openai-compatible and anthropic-compatible.',
    }),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'must be lower case letters, digits and dashes')
      .optional()
      .meta({ description: 'Custom endpoints only: models are then addressed as name/model.' }),
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
  label: z.string().trim().min(1).max(50).optional(),
  apiKey: header.optional(),
  baseUrl: BaseUrl.optional(),
});
export type CredentialUpdate = z.infer<typeof CredentialUpdate>;

export const Credential = z.object({
  id: Id,
  provider: z.string(),
  label: z.string(),
  name: z.string().nullable(),
  baseUrl: z.string().nullable(),
  apiKey: SecretInfo,
  createdAt: Timestamp,
  updatedAt: Timestamp,
  lastUsedAt: Timestamp.nullable(),
});
export type Credential = z.infer<typeof Credential>;
