import { ChannelError, isAccepted, postSigned } from '@nightshift/channels';
import {
  FetchFailure,
  pageOf,
  Webhook,
  WebhookCreate,
  type WebhookEvent,
  WebhookListQuery,
  WebhookReplace,
  WebhookSaved,
  WebhookTest,
  WebhookUpdate,
} from '@nightshift/contracts';
import { newId } from '@nightshift/core/database';
import { invalidField } from '@nightshift/core/errors';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  openWebhook,
  updateWebhook,
} from '@nightshift/core/webhooks';
import { webhookFor } from '../masks.ts';
import { upsert } from '../upsert.ts';
import { errors, NameParams, NoContent, paramsOf, type Routes } from './types.ts';

const testTimeoutMs = 10_000;

const Params = paramsOf('webhook');

export const webhookRoutes: Routes = async (app, { deps }) => {
  const { db, kek, guarded } = deps;

  /** Said when it is saved, as far as it can be known then; a name may lead elsewhere later, and is checked each time. */
  async function assertReachable(url: string | undefined): Promise<void> {
    if (!url) return;
    try {
      await guarded.check(url);
    } catch (error) {
      if (error instanceof FetchFailure) throw invalidField('url', error.message);
      throw error;
    }
  }

  app.post(
    '/v1/webhooks',
    {
      config: { role: 'admin', idempotent: true },
      schema: {
        tags: ['webhooks'],
        summary: 'Be told of events',
        description:
          'Signed requests in the Standard Webhooks way (https://www.standardwebhooks.com): docs/webhooks.md says how to ' +
          'check them. The answer shows the signing secret, this once.',
        body: WebhookCreate,
        response: { 201: WebhookSaved, ...errors },
      },
    },
    async (request, reply) => {
      await assertReachable(request.body.url);
      return reply.status(201).send(await createWebhook(db, kek, request.caller.teamId, request.body));
    },
  );

  app.get(
    '/v1/webhooks',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'List webhooks',
        querystring: WebhookListQuery,
        response: { 200: pageOf(Webhook), ...errors },
      },
    },
    async ({ caller, query }) => {
      const page = await listWebhooks(db, caller.teamId, query);
      return { ...page, data: page.data.map((webhook) => webhookFor(caller.role, webhook)) };
    },
  );

  app.get(
    '/v1/webhooks/:id',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'Read a webhook',
        params: Params,
        response: { 200: Webhook, ...errors },
      },
    },
    async ({ caller, params }) => webhookFor(caller.role, await getWebhook(db, caller.teamId, params.id)),
  );

  app.put(
    '/v1/webhooks/by-name/:name',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['webhooks'],
        summary: 'Make the webhook of this name, or replace it',
        description: 'A secret that is not given stays as it is; another address needs it, too.',
        params: NameParams,
        body: WebhookReplace,
        response: { 200: WebhookSaved, 201: WebhookSaved, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { name: given, ...body } = request.body;
      await assertReachable(body.url);
      const { status, record } = await upsert(db, teamId, 'webhook', {
        name: request.params.name,
        given,
        create: (name) => createWebhook(db, kek, teamId, { ...body, name }),
        replace: (id) => updateWebhook(db, kek, teamId, id, body),
      });
      return reply.status(status).send(record);
    },
  );

  app.patch(
    '/v1/webhooks/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['webhooks'],
        summary: 'Change a webhook, or its secret',
        description:
          'Also for what is waiting to be sent. A receiver that still has the old secret gets it again later. Another ' +
          'address needs `secret` or `rotateSecret`, too: what is signed with the stored one goes nowhere else.',
        params: Params,
        body: WebhookUpdate,
        response: { 200: WebhookSaved, ...errors },
      },
    },
    async (request) => {
      await assertReachable(request.body.url);
      return updateWebhook(db, kek, request.caller.teamId, request.params.id, request.body);
    },
  );

  app.delete(
    '/v1/webhooks/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['webhooks'],
        summary: 'Be told no more',
        description: 'Its deliveries go with it, also those that wait.',
        params: Params,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteWebhook(db, request.caller.teamId, request.params.id);
      return reply.status(204).send(null);
    },
  );

  app.post(
    '/v1/webhooks/:id/test',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['webhooks'],
        summary: 'Send a ping now, and say what came back',
        params: Params,
        response: { 200: WebhookTest, ...errors },
      },
    },
    async (request): Promise<WebhookTest> => {
      const { id: webhookId } = request.params;
      const webhook = await openWebhook(db, kek, request.caller.teamId, webhookId);
      const body: WebhookEvent = { type: 'ping', timestamp: new Date().toISOString(), data: { webhookId } };
      const begun = performance.now();
      const result = (rest: Pick<WebhookTest, 'status' | 'body' | 'error'>): WebhookTest => ({
        ok: rest.error === null,
        durationMs: Math.round(performance.now() - begun),
        ...rest,
      });
      try {
        const signal = AbortSignal.timeout(testTimeoutMs);
        const answer = await postSigned({ ...webhook, id: newId(), body }, { fetch: guarded.fetch, signal });
        const { status, excerpt } = answer;
        const error = isAccepted(answer) ? null : `The receiver answered ${status}.`;
        // A receiver may repeat what it was sent.
        return result({ status, body: excerpt && kek.redactor.redact(excerpt), error });
      } catch (error) {
        if (!(error instanceof ChannelError)) throw error;
        return result({ status: null, body: null, error: kek.redactor.redact(error.message) });
      }
    },
  );
};
