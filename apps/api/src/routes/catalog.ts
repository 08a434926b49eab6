import { exactTarget, TargetError } from '@nightshift/agent';
import { channelCatalog, fieldFormats } from '@nightshift/channels';
import {
  CatalogChannel,
  type CatalogModel,
  CatalogModels,
  CatalogModelsQuery,
  CatalogProvider,
  CatalogTool,
} from '@nightshift/contracts';
import { countCredentials } from '@nightshift/core/credentials';
import {
  type Endpoint,
  fromEnvironment,
  listAllModels,
  listModels,
  ModelError,
  type Vendor,
  vendors,
  wiresOf,
} from '@nightshift/providers';
import { builtInTools, parametersOf } from '@nightshift/tools';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { errors, type Routes } from './types.ts';

type Field = CatalogProvider['fields'][number];

function fieldsOf(vendor: Vendor): Field[] {
  if (vendor.wire === 'demo') return [];
  const custom = vendor.baseUrl === null;
  const field = (name: string, label: string, more: Partial<Field> = {}): Field => ({
    name,
    label,
    secret: false,
    required: false,
    default: null,
    ...more,
  });
  const wires = wiresOf(vendor);
  return [
    ...(custom ? [field('name', 'Name, as in name/model', { required: true })] : []),
    field('apiKey', vendor.googleTokens ? 'Service account (JSON) or access token' : 'API key', {
      secret: true,
      required: !custom && !vendor.local,
    }),
    ...Object.entries(vendor.parameters).map(([name, { label, example, default: preset }]) =>
      field(`parameters.${name}`, `${label}, e.g. ${example}`, {
        required: preset === undefined,
        default: preset ?? null,
      }),
    ),
    field('baseUrl', 'Base URL', { required: custom }),
    ...(wires.length > 1
      ? [field('parameters.wire', `Wire: ${wires.join(' or ')}`, { default: vendor.wire })]
      : []),
  ];
}

/** The provider's first key of the team, or what is in its way, for people. */
async function findEndpoint(deps: ApiDeps, teamId: string, provider: string): Promise<Endpoint | string> {
  try {
    // Any model will do: only the way to it is wanted.
    const { candidates } = await exactTarget(deps, teamId, `${provider}/any`);
    return candidates[0]!.endpoint;
  } catch (error) {
    if (error instanceof TargetError) return error.failure.message;
    throw error;
  }
}

async function modelsOf(
  deps: ApiDeps,
  teamId: string,
  { provider, live }: z.output<typeof CatalogModelsQuery>,
): Promise<{ data: CatalogModel[]; problem: string | null }> {
  const listed = async (problem: string | null = null) => ({ data: await listModels(provider), problem });
  if (!live || provider === undefined) return listed();
  const endpoint = await findEndpoint(deps, teamId, provider);
  if (typeof endpoint === 'string') return listed(endpoint);
  try {
    return { data: await listAllModels(endpoint), problem: null };
  } catch (error) {
    if (error instanceof ModelError) return listed(error.message);
    throw error;
  }
}

export const catalogRoutes: Routes = async (app, { deps }) => {
  app.get(
    '/v1/catalog/providers',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Model vendors: what each needs, and whether a key for it was found',
        response: { 200: z.object({ data: z.array(CatalogProvider) }), ...errors },
      },
    },
    async (request) => {
      const stored = await countCredentials(deps.db, request.caller.teamId);
      return {
        data: vendors.map((vendor) => ({
          id: vendor.id,
          name: vendor.name,
          wires: wiresOf(vendor),
          baseUrl: vendor.baseUrl,
          docs: vendor.docs,
          env: [...vendor.env],
          defaultModel: vendor.defaultModel ?? null,
          local: vendor.local ?? false,
          priced: vendor.priceList !== undefined || vendor.local === true,
          fields: fieldsOf(vendor),
          configured: {
            environment: fromEnvironment(vendor, deps.providerKeys) !== null,
            credentials: stored.get(vendor.id) ?? 0,
          },
        })),
      };
    },
  );

  app.get(
    '/v1/catalog/channels',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Chat platforms, and what is needed to connect each',
        response: { 200: z.object({ data: z.array(CatalogChannel) }), ...errors },
      },
    },
    async () => ({
      data: channelCatalog.map((entry) => ({
        ...entry,
        fields: entry.fields.map((field) => ({ ...field, ...fieldFormats[entry.slug]?.[field.name] })),
      })) as CatalogChannel[],
    }),
  );

  app.get(
    '/v1/catalog/models',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Known models with context windows and prices',
        description:
          "From data that ships with this version, and with `live` from the provider's own list. A model that is not listed can be used all the same; its cost is then unknown.",
        querystring: CatalogModelsQuery,
        response: { 200: CatalogModels, ...errors },
      },
    },
    (request) => modelsOf(deps, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/catalog/tools',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Tools that agents can use',
        response: { 200: z.object({ data: z.array(CatalogTool) }), ...errors },
      },
    },
    async () => ({
      data: builtInTools.map((tool) => ({
        name: tool.name,
        description: tool.description,
        effect: tool.effect,
        parameters: parametersOf(tool),
      })),
    }),
  );
};
