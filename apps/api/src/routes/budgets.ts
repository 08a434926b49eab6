import { Budget, BudgetCreate, BudgetUpdate, PageQuery, pageOf } from '@nightshift/contracts';
import {
  createBudget,
  deleteBudget,
  getBudget,
  listBudgets,
  releaseWaitingRuns,
  updateBudget,
} from '@nightshift/core/budgets';
import { hasCustomEndpoint } from '@nightshift/core/credentials';
import { invalidField } from '@nightshift/core/errors';
import { findVendor, parseModelRef } from '@nightshift/providers';
import { errors, IdParams, NoContent, type Routes } from './types.ts';

export const budgetRoutes: Routes = async (app, { deps }) => {
  const { db, conversations } = deps;

  /** Said when it is saved, not when a run is to go on with it. */
  async function assertReachable(teamId: string, model: string | null | undefined): Promise<void> {
    if (!model) return;
    const { provider } = parseModelRef(model);
    if (findVendor(provider) || (await hasCustomEndpoint(db, teamId, provider))) return;
    throw invalidField(
      'downgradeTo',
      `there is no provider or custom endpoint "${provider}". GET /v1/catalog/providers lists the providers.`,
    );
  }

  /** Runs that wait look again at once, whatever has changed. */
  async function wakeWaiting(teamId: string): Promise<void> {
    for (const conversationId of await releaseWaitingRuns(db, teamId)) {
      conversations.wakeSoon({ conversationId }, conversationId);
    }
  }

  app.post(
    '/v1/budgets',
    {
      config: { role: 'admin', idempotent: true },
      schema: {
        tags: ['budgets'],
        summary: 'Make a budget',
        description: 'What was used in its window so far counts already.',
        body: BudgetCreate,
        response: { 201: Budget, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      await assertReachable(teamId, request.body.downgradeTo);
      return reply.status(201).send(await createBudget(db, teamId, request.body));
    },
  );

  app.get(
    '/v1/budgets',
    {
      schema: {
        tags: ['budgets'],
        summary: 'List budgets, newest first',
        description: 'GET /v1/limits says how they stand.',
        querystring: PageQuery,
        response: { 200: pageOf(Budget), ...errors },
      },
    },
    (request) => listBudgets(db, request.caller.teamId, request.query),
  );

  app.get(
    '/v1/budgets/:id',
    {
      schema: {
        tags: ['budgets'],
        summary: 'Read a budget',
        params: IdParams,
        response: { 200: Budget, ...errors },
      },
    },
    (request) => getBudget(db, request.caller.teamId, request.params.id),
  );

  app.patch(
    '/v1/budgets/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['budgets'],
        summary: 'Change a budget',
        description: 'Runs that wait for it look again at once.',
        params: IdParams,
        body: BudgetUpdate,
        response: { 200: Budget, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      await assertReachable(teamId, request.body.downgradeTo);
      const budget = await updateBudget(db, teamId, request.params.id, request.body);
      await wakeWaiting(teamId);
      return budget;
    },
  );

  app.delete(
    '/v1/budgets/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['budgets'],
        summary: 'Delete a budget',
        description: 'Runs that wait for it go on. The ledger stays.',
        params: IdParams,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      await deleteBudget(db, teamId, request.params.id);
      await wakeWaiting(teamId);
      return reply.status(204).send(null);
    },
  );
};
