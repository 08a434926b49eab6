import { environmentKey } from '@nightshift/agent';
import { channelCatalog } from '@nightshift/channels';
import { CatalogChannel, CatalogModel, CatalogProvider, CatalogTool } from '@nightshift/contracts';
import { countCredentials } from '@nightshift/core/credentials';
import { listModels, type Vendor, vendors } from '@nightshift/providers';
import { builtInTools, parametersOf } from '@nightshift/tools';
import { z } from 'zod';
import { errors, type Routes } from './types.ts';

function fieldsOf(vendor: Vendor): CatalogProvider['fields'] {
  if (vendor.wire === 'demo') return [];
  const custom = vendor.baseUrl === null;
  const optionalKey = custom || vendor.local === true;
  return [
    ...(custom ? [{ name: 'name', label: 'Name, as in name/model', secret: false, required: true }] : []),
    { name: 'apiKey', label: 'API key', secret: true, required: !optionalKey },
    { name: 'baseUrl', label: 'Base URL', secret: false, required: custom },
  ];
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
          wire: vendor.wire,
          baseUrl: vendor.baseUrl,
          docs: vendor.docs,
          env: [...vendor.env],
          defaultModel: vendor.defaultModel ?? null,
          fields: fieldsOf(vendor),
          configured: {
            environment: environmentKey(vendor, deps.providerKeys) !== undefined,
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
    async () => ({ data: channelCatalog as CatalogChannel[] }),
  );

  app.get(
    '/v1/catalog/models',
    {
      schema: {
        tags: ['catalogue'],
        summary: 'Known models with context windows and prices, from data that ships with this version',
        description: 'A model that is not listed can be used all the same; its cost is then unknown.',
        querystring: z.strictObject({ provider: z.string().max(50).optional() }),
        response: { 200: z.object({ data: z.array(CatalogModel) }), ...errors },
      },
    },
    async (request) => ({ data: await listModels(request.query.provider) }),
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
