import { ProviderHealth, ProviderHealthReset } from '@nightshift/contracts';
import { listProviderHealth, resetProviderHealth } from '@nightshift/core/provider-health';
import { z } from 'zod';
import { errors, type Routes } from './types.ts';

const HealthList = z.object({ data: z.array(ProviderHealth) });

export const providerHealthRoutes: Routes = async (app, { deps: { db } }) => {
  app.get(
    '/v1/providers/health',
    {
      schema: {
        tags: ['provider health'],
        summary: 'What the workers have learned of each model and key',
        description:
          'A circuit is closed when nothing is wrong, open while the key is left alone, and half-open when the next call ' +
          'will try it again. What is wrong comes first; what was not used within seven days is not listed.',
        response: { 200: HealthList, ...errors },
      },
    },
    async (request) => ({ data: await listProviderHealth(db, request.caller.teamId) }),
  );

  app.post(
    '/v1/providers/health/reset',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['provider health'],
        summary: 'Close what has been mended, so that the next call goes there again',
        body: ProviderHealthReset.nullish(),
        response: { 200: HealthList, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      await resetProviderHealth(db, teamId, request.body?.target);
      return { data: await listProviderHealth(db, teamId) };
    },
  );
};
