import {
  Budget,
  BudgetCreate,
  BudgetListQuery,
  BudgetReplace,
  BudgetUpdate,
  pageOf,
  type ReferenceKind,
} from '@nightshift/contracts';
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
import { isWholeId, resolveReference } from '@nightshift/core/references';
import { findVendor, parseModelRef } from '@nightshift/providers';
import { unknownReference } from '../plugins/references.ts';
import { upsert } from '../upsert.ts';
import { errors, NameParams, NoContent, paramsOf, type Routes } from './types.ts';

const Params = paramsOf('budget');

const kinds: Readonly<Record<Budget['scope'], ReferenceKind | null>> = {
  team: null,
  member: 'apiKey',
  agent: 'agent',
  channel: 'channel',
  schedule: 'schedule',
};

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

  /** What it is for, by the id that its name means. What the name is of, the scope says. */
  async function withScopeId<T extends Pick<BudgetUpdate, 'scopeId'>>(
    teamId: string,
    scope: Budget['scope'],
    body: T,
  ): Promise<T> {
    const { scopeId: reference } = body;
    const kind = kinds[scope];
    if (!reference || !kind) return body;
    const id = await resolveReference(db, teamId, kind, reference);
    if (id === undefined && !isWholeId(reference))
      throw await unknownReference(db, teamId, { kind, reference, path: 'scopeId' });
    return { ...body, scopeId: id ?? reference };
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
      const body = await withScopeId(teamId, request.body.scope, request.body);
      return reply.status(201).send(await createBudget(db, teamId, body));
    },
  );

  app.get(
    '/v1/budgets',
    {
      schema: {
        tags: ['budgets'],
        summary: 'List budgets, newest first',
        description: 'GET /v1/limits says how they stand.',
        querystring: BudgetListQuery,
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
        params: Params,
        response: { 200: Budget, ...errors },
      },
    },
    (request) => getBudget(db, request.caller.teamId, request.params.id),
  );

  app.put(
    '/v1/budgets/by-name/:name',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['budgets'],
        summary: 'Make the budget of this name, or replace it',
        description: 'The body is all of it: what is left out is as in a new budget.',
        params: NameParams,
        body: BudgetReplace,
        response: { 200: Budget, 201: Budget, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { name: given, ...rest } = request.body;
      await assertReachable(teamId, rest.downgradeTo);
      const body = await withScopeId(teamId, rest.scope, rest);
      const rolling = body.rolling ?? body.window === '5h';
      const { status, record } = await upsert(db, teamId, 'budget', {
        name: request.params.name,
        given,
        create: (name) => createBudget(db, teamId, { ...body, name }),
        replace: (id) => updateBudget(db, teamId, id, { ...body, rolling }),
      });
      if (status === 200) await wakeWaiting(teamId);
      return reply.status(status).send(record);
    },
  );

  app.patch(
    '/v1/budgets/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['budgets'],
        summary: 'Change a budget',
        description: 'Runs that wait for it look again at once.',
        params: Params,
        body: BudgetUpdate,
        response: { 200: Budget, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      await assertReachable(teamId, request.body.downgradeTo);
      const { id } = request.params;
      const scope = request.body.scope ?? (await getBudget(db, teamId, id)).scope;
      const body = await withScopeId(teamId, scope, request.body);
      const budget = await updateBudget(db, teamId, id, body);
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
        params: Params,
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
