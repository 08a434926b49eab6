/**
 * A typed client of the REST API over fetch, for Node and browsers.
 *
 * It trusts answers to be what the contracts say, since the server checks them against the same schemas; so it imports
 * types only, and `@nightshift/contracts/client` loads at once.
 */
import type { z } from 'zod';
import type { Agent, AgentCreate, AgentListQuery, AgentReplace, AgentUpdate } from './agents.ts';
import type {
  Budget,
  BudgetCreate,
  BudgetListQuery,
  BudgetReplace,
  BudgetUpdate,
  Estimate,
  EstimateBody,
  Limit,
} from './budgets.ts';
import type {
  CatalogChannel,
  CatalogModels,
  CatalogModelsQuery,
  CatalogProvider,
  CatalogTool,
} from './catalog.ts';
import type {
  Channel,
  ChannelCreate,
  ChannelCreated,
  ChannelListQuery,
  ChannelReplace,
  ChannelTest,
  ChannelTraffic,
  ChannelTrafficQuery,
  ChannelUpdate,
  ChannelUpdated,
} from './channels.ts';
import {
  type Call,
  type ClientOptions,
  ConnectionError,
  createRetry,
  createTransport,
} from './client-transport.ts';
import type {
  Conversation,
  ConversationListQuery,
  Message,
  TalkAccepted,
  TalkBody,
  TalkReply,
} from './conversations.ts';
import type {
  Credential,
  CredentialCreate,
  CredentialTest,
  CredentialTestResult,
  CredentialUpdate,
} from './credentials.ts';
import type { Delivery, DeliveryListQuery } from './deliveries.ts';
import type { RunEvent } from './events.ts';
import type { Identity, IdentityListQuery, IdentityUpdate, Person, PersonListQuery } from './people.ts';
import type { KnownPlace, PlaceListQuery } from './places.ts';
import type { Page, PageQuery } from './primitives.ts';
import type { ProviderHealth, ProviderHealthReset } from './provider-health.ts';
import type { Run, RunListQuery, Step } from './runs.ts';
import type {
  Schedule,
  ScheduleCreate,
  ScheduleFire,
  ScheduleFireListQuery,
  ScheduleListQuery,
  ScheduleReplace,
  ScheduleUpdate,
} from './schedules.ts';
import type { ApiKey, ApiKeyCreate, ApiKeyCreated, Me, Team, TeamUpdate } from './team.ts';
import type { UsageEntry, UsageEntryQuery, UsageQuery, UsageReport } from './usage.ts';
import type {
  Webhook,
  WebhookCreate,
  WebhookListQuery,
  WebhookReplace,
  WebhookSaved,
  WebhookTest,
  WebhookUpdate,
} from './webhooks.ts';

export { ApiError, type ClientOptions, ConnectionError } from './client-transport.ts';

/** One event of a run; a watch that begins with `after: seq` goes on behind it. */
export interface NumberedRunEvent {
  seq: number;
  event: RunEvent;
}

/** `GET /readyz`: each check's name → `ok`, or what is wrong. */
export interface Readiness {
  ready: boolean;
  checks: Record<string, string>;
}

type Query<T> = { [K in keyof T]?: T[K] | undefined };

/** A stream that broke after this long, in milliseconds, was cut for being quiet, and is no sign of a dead server. */
const quietMs = 10_000;

/** 128 random bits. Not `randomUUID`, which browsers have on https and localhost only. */
const newIdempotencyKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

export type Client = ReturnType<typeof createClient>;

/** Every call throws {@link ApiError} when the server refuses or fails, {@link ConnectionError} when none answers. */
export function createClient(options: ClientOptions) {
  const { baseUrl, request, stream } = createTransport(options);

  const at = (collection: string, id: string) => `/v1/${collection}/${encodeURIComponent(id)}`;
  const get = <T>(path: string, query?: object) => request<T>({ path, query });
  const all = async <T>(path: string, query?: object) => (await get<{ data: T[] }>(path, query)).data;
  const change = <T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    request<T>({ method, path, body });
  const create = <T>(path: string, body: unknown, more?: Partial<Call>) =>
    request<T>({ method: 'POST', path, body, idempotencyKey: newIdempotencyKey(), ...more });

  /** Makes the record of this name, or puts all of it in the place of the one that is there. */
  const put = <T>(collection: string, name: string, body: unknown) =>
    change<T>('PUT', `/v1/${collection}/by-name/${encodeURIComponent(name)}`, body);

  /** The pages of a list, each fetched when it is asked for. */
  async function* pages<T>(
    path: string,
    query: { cursor?: string | undefined } = {},
  ): AsyncGenerator<Page<T>, undefined> {
    for (let { cursor } = query; ; ) {
      const page = await get<Page<T>>(path, { ...query, cursor });
      yield page;
      if (page.nextCursor === null) return;
      cursor = page.nextCursor;
    }
  }

  async function* events(
    runId: string,
    { after = 0, signal }: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<NumberedRunEvent, undefined> {
    const retry = createRetry(options.streamRetries ?? 8, signal);
    for (let seq = after; ; ) {
      const since = Date.now();
      try {
        let finished = false;
        const headers: Record<string, string> = seq > 0 ? { 'last-event-id': String(seq) } : {};
        for await (const { id, data } of stream({ path: `${at('runs', runId)}/events`, headers, signal })) {
          const event = JSON.parse(data) as RunEvent;
          seq = Number(id);
          finished = event.type === 'run.finished';
          retry.reset();
          yield { seq, event };
        }
        // A run that was retried has several ends; the server closes after the last one.
        if (finished) return;
        throw new ConnectionError('closed', `${baseUrl} closed the event stream before the run ended.`);
      } catch (error) {
        if (Date.now() - since > quietMs) retry.reset();
        await retry.after(error);
      }
    }
  }

  return {
    agents: {
      list: (query?: Query<z.input<typeof AgentListQuery>>) => pages<Agent>('/v1/agents', query),
      get: (id: string) => get<Agent>(at('agents', id)),
      create: (body: z.input<typeof AgentCreate>) => create<Agent>('/v1/agents', body),
      update: (id: string, body: AgentUpdate) => change<Agent>('PATCH', at('agents', id), body),
      put: (name: string, body: z.input<typeof AgentReplace>) => put<Agent>('agents', name, body),
      delete: (id: string) => change<void>('DELETE', at('agents', id)),
    },
    talk: {
      /**
       * Says something to an agent. With `wait` the call holds up to that many seconds for the reply; an answer
       * without `status` means that the run goes on.
       */
      send: (agentId: string, body: TalkBody, { wait }: { wait?: number } = {}) =>
        create<TalkAccepted & Partial<TalkReply>>(`${at('agents', agentId)}/messages`, body, {
          query: { wait },
          timeoutMs: (options.timeoutMs ?? 30_000) + (wait ?? 0) * 1000,
        }),
    },
    budgets: {
      list: (query?: Query<z.input<typeof BudgetListQuery>>) => pages<Budget>('/v1/budgets', query),
      get: (id: string) => get<Budget>(at('budgets', id)),
      create: (body: z.input<typeof BudgetCreate>) => create<Budget>('/v1/budgets', body),
      update: (id: string, body: BudgetUpdate) => change<Budget>('PATCH', at('budgets', id), body),
      put: (name: string, body: z.input<typeof BudgetReplace>) => put<Budget>('budgets', name, body),
      delete: (id: string) => change<void>('DELETE', at('budgets', id)),
      limits: () => all<Limit>('/v1/limits'),
      /** What the first model call of a run would use; nothing is asked of a model. */
      estimate: (agentId: string, body: EstimateBody) =>
        change<Estimate>('POST', `${at('agents', agentId)}/estimate`, body),
    },
    usage: {
      /** `groupBy`: names joined by commas. */
      report: (query?: Query<z.input<typeof UsageQuery>>) => get<UsageReport>('/v1/usage', query),
      /** The report's rows as CSV, with a header. */
      csv: (query?: Query<z.input<typeof UsageQuery>>) =>
        request<string>({ path: '/v1/usage', query: { ...query, format: 'csv' }, as: 'text/csv' }),
      /** The ledger, newest first. */
      entries: (query?: Query<z.input<typeof UsageEntryQuery>>) =>
        pages<UsageEntry>('/v1/usage/entries', query),
    },
    conversations: {
      list: (query?: Query<z.input<typeof ConversationListQuery>>) =>
        pages<Conversation>('/v1/conversations', query),
      get: (id: string) => get<Conversation>(at('conversations', id)),
      /** Newest first. */
      messages: (id: string, query?: Query<PageQuery>) =>
        pages<Message>(`${at('conversations', id)}/messages`, query),
    },
    runs: {
      list: (query?: Query<z.input<typeof RunListQuery>>) => pages<Run>('/v1/runs', query),
      get: (id: string) => get<Run>(at('runs', id)),
      steps: (id: string) => all<Step>(`${at('runs', id)}/steps`),
      cancel: (id: string) => change<Run>('POST', `${at('runs', id)}/cancel`),
      retry: (id: string) => change<Run>('POST', `${at('runs', id)}/retry`),
      /** The run's events until it ends. A connection that breaks is made anew, and no event is told twice. */
      events,
    },
    schedules: {
      list: (query?: Query<z.input<typeof ScheduleListQuery>>) => pages<Schedule>('/v1/schedules', query),
      get: (id: string) => get<Schedule>(at('schedules', id)),
      create: (body: z.input<typeof ScheduleCreate>) => create<Schedule>('/v1/schedules', body),
      update: (id: string, body: z.input<typeof ScheduleUpdate>) =>
        change<Schedule>('PATCH', at('schedules', id), body),
      put: (name: string, body: z.input<typeof ScheduleReplace>) => put<Schedule>('schedules', name, body),
      delete: (id: string) => change<void>('DELETE', at('schedules', id)),
      run: (id: string) => create<ScheduleFire>(`${at('schedules', id)}/run`, undefined),
      /** Newest first. */
      fires: (id: string, query?: Query<z.input<typeof ScheduleFireListQuery>>) =>
        pages<ScheduleFire>(`${at('schedules', id)}/fires`, query),
    },
    channels: {
      list: (query?: Query<z.input<typeof ChannelListQuery>>) => pages<Channel>('/v1/channels', query),
      get: (id: string) => get<Channel>(at('channels', id)),
      create: (body: z.input<typeof ChannelCreate>) => create<ChannelCreated>('/v1/channels', body),
      update: (id: string, body: z.input<typeof ChannelUpdate>) =>
        change<ChannelUpdated>('PATCH', at('channels', id), body),
      put: (name: string, body: z.input<typeof ChannelReplace>) =>
        put<ChannelCreated>('channels', name, body),
      /** Where it can speak to. */
      places: (id: string, query?: Query<z.input<typeof PlaceListQuery>>) =>
        pages<KnownPlace>(`${at('channels', id)}/places`, query),
      delete: (id: string) => change<void>('DELETE', at('channels', id)),
      pause: (id: string) => change<Channel>('POST', `${at('channels', id)}/pause`),
      resume: (id: string) => change<Channel>('POST', `${at('channels', id)}/resume`),
      test: (id: string) => change<ChannelTest>('POST', `${at('channels', id)}/test`),
      traffic: (id: string, query?: Query<ChannelTrafficQuery>) =>
        get<ChannelTraffic>(`${at('channels', id)}/traffic`, query),
      identities: (id: string, query?: Query<z.input<typeof IdentityListQuery>>) =>
        pages<Identity>(`${at('channels', id)}/identities`, query),
      decide: (id: string, identityId: string, status: IdentityUpdate['status']) =>
        change<Identity>('PATCH', `${at('channels', id)}/identities/${encodeURIComponent(identityId)}`, {
          status,
        }),
      pair: (id: string, code: string) =>
        change<Identity>('POST', `${at('channels', id)}/pairings`, { code }),
    },
    people: {
      list: (query?: Query<z.input<typeof PersonListQuery>>) => pages<Person>('/v1/people', query),
      get: (id: string) => get<Person>(at('people', id)),
      rename: (id: string, name: string) => change<Person>('PATCH', at('people', id), { name }),
      link: (id: string, identityId: string) =>
        change<Person>('POST', `${at('people', id)}/identities`, { identityId }),
      unlink: (id: string, identityId: string) =>
        change<Person>('DELETE', `${at('people', id)}/identities/${encodeURIComponent(identityId)}`),
    },
    deliveries: {
      list: (query?: Query<z.input<typeof DeliveryListQuery>>) => pages<Delivery>('/v1/deliveries', query),
      get: (id: string) => get<Delivery>(at('deliveries', id)),
      retry: (id: string) => change<Delivery>('POST', `${at('deliveries', id)}/retry`),
    },
    webhooks: {
      list: (query?: Query<z.input<typeof WebhookListQuery>>) => pages<Webhook>('/v1/webhooks', query),
      get: (id: string) => get<Webhook>(at('webhooks', id)),
      create: (body: z.input<typeof WebhookCreate>) => create<WebhookSaved>('/v1/webhooks', body),
      update: (id: string, body: WebhookUpdate) => change<WebhookSaved>('PATCH', at('webhooks', id), body),
      put: (name: string, body: z.input<typeof WebhookReplace>) => put<WebhookSaved>('webhooks', name, body),
      delete: (id: string) => change<void>('DELETE', at('webhooks', id)),
      test: (id: string) => change<WebhookTest>('POST', `${at('webhooks', id)}/test`),
    },
    providerCredentials: {
      list: (query?: Query<PageQuery>) => pages<Credential>('/v1/provider-credentials', query),
      create: (body: z.input<typeof CredentialCreate>) =>
        create<Credential>('/v1/provider-credentials', body),
      update: (id: string, body: CredentialUpdate) =>
        change<Credential>('PATCH', at('provider-credentials', id), body),
      delete: (id: string) => change<void>('DELETE', at('provider-credentials', id)),
      /** The cheapest real call. */
      test: (id: string, body: CredentialTest = {}) =>
        change<CredentialTestResult>('POST', `${at('provider-credentials', id)}/test`, body),
    },
    providers: {
      health: () => all<ProviderHealth>('/v1/providers/health'),
      /** Closes what has been mended. @returns the list as it is then */
      resetHealth: async (body: ProviderHealthReset = {}) =>
        (await change<{ data: ProviderHealth[] }>('POST', '/v1/providers/health/reset', body)).data,
    },
    catalog: {
      channels: () => all<CatalogChannel>('/v1/catalog/channels'),
      providers: () => all<CatalogProvider>('/v1/catalog/providers'),
      models: (query?: Query<CatalogModelsQuery>) => get<CatalogModels>('/v1/catalog/models', query),
      tools: () => all<CatalogTool>('/v1/catalog/tools'),
    },
    me: () => get<Me>('/v1/me'),
    team: {
      get: () => get<Team>('/v1/team'),
      update: (body: z.input<typeof TeamUpdate>) => change<Team>('PATCH', '/v1/team', body),
    },
    apiKeys: {
      list: (query?: Query<PageQuery>) => pages<ApiKey>('/v1/api-keys', query),
      create: (body: ApiKeyCreate) => create<ApiKeyCreated>('/v1/api-keys', body),
      revoke: (id: string) => change<void>('DELETE', at('api-keys', id)),
    },
    health: {
      live: () => get<{ ok: true }>('/healthz'),
      ready: () => request<Readiness>({ path: '/readyz', alsoFine: [503] }),
    },
  };
}
