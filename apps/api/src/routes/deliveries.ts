import { Delivery, DeliveryListQuery, pageOf } from '@nightshift/contracts';
import { getDelivery, listDeliveries, retryDelivery } from '@nightshift/core/outbox';
import { errors, paramsOf, type Routes } from './types.ts';

const Params = paramsOf('delivery');

export const deliveryRoutes: Routes = async (app, { deps: { db, deliveries } }) => {
  app.get(
    '/v1/deliveries',
    {
      schema: {
        tags: ['deliveries'],
        summary: 'List deliveries, newest first',
        querystring: DeliveryListQuery,
        response: { 200: pageOf(Delivery), ...errors },
      },
    },
    (request) => listDeliveries(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/deliveries/:id',
    {
      schema: {
        tags: ['deliveries'],
        summary: 'Read a delivery',
        params: Params,
        response: { 200: Delivery, ...errors },
      },
    },
    (request) => getDelivery(db, request.caller.teamId, request.params.id),
  );

  app.post(
    '/v1/deliveries/:id/retry',
    {
      schema: {
        tags: ['deliveries'],
        summary: 'Send a dead or unknown delivery again',
        description:
          'It goes back to its place: before what still waits behind it, and without the parts that were sent. Its id ' +
          'stays, so a webhook receiver that has it already can tell.',
        params: Params,
        response: { 202: Delivery, ...errors },
      },
    },
    async (request, reply) => {
      const { delivery, lane } = await retryDelivery(db, request.caller.teamId, request.params.id);
      deliveries.wakeSoon({ lane }, lane);
      return reply.status(202).send(delivery);
    },
  );
};
