import { isDeepStrictEqual } from 'node:util';
import { openConnection } from '@nightshift/agent';
import { ChannelError, channelCatalog, ownIds } from '@nightshift/channels';
import {
  Channel,
  ChannelAccess,
  ChannelCreate,
  ChannelCreated,
  ChannelListQuery,
  ChannelReplace,
  ChannelTest,
  ChannelTraffic,
  ChannelTrafficQuery,
  ChannelUpdate,
  ChannelUpdated,
  Id,
  Identity,
  IdentityListQuery,
  IdentityUpdate,
  KnownPlace,
  PairingApprove,
  PlaceListQuery,
  pageOf,
  type Role,
} from '@nightshift/contracts';
import {
  clearAttention,
  createChannel,
  deleteChannel,
  getChannel,
  hookPath,
  listChannels,
  listIdentities,
  listPlaces,
  markAttention,
  openChannel,
  readTraffic,
  setChannelAccount,
  setChannelStatus,
  updateChannel,
} from '@nightshift/core/channels';
import { DomainError, invalidField } from '@nightshift/core/errors';
import { approvePairing, decideIdentity, wakeForEvents } from '@nightshift/core/inbox';
import { builtInTools } from '@nightshift/tools';
import { fieldRules, generatedBy, isMachineMade, readFields, wantsConnector } from '../channel-fields.ts';
import { placeRules } from '../deliver-to.ts';
import { channelFor } from '../masks.ts';
import { createRateLimit } from '../rate-limit.ts';
import { upsert } from '../upsert.ts';
import { errors, NameParams, NoContent, paramsOf, type Routes } from './types.ts';

const testTimeoutMs = 15_000;

/** Wrong pairing codes of one channel. */
const guessLimit = { max: 30, windowMs: 10 * 60_000 };

/** Platforms answer what they like: what a probe has made of it is looked at before it is kept. */
const Probed = ChannelTest.omit({ ok: true }).extend({ account: ChannelTest.shape.account.unwrap() });

const kinds = new Map(channelCatalog.map((entry) => [entry.slug, entry]));

const Params = paramsOf('channel');

export const channelRoutes: Routes = async (app, { deps }) => {
  const { db, kek, adapters, deliveries, hooks, guarded, publicUrl } = deps;
  const reading = {
    publicUrl,
    pushes: (kind: string) => kinds.get(kind)?.connects.includes('webhook') ?? true,
    snippetOf: (kind: string) => kinds.get(kind)?.snippet,
    isMachineMade: (kind: string, secret: string) => isMachineMade(kinds.get(kind), secret),
  };
  const guesses = createRateLimit(guessLimit);
  const read = (teamId: string, id: string) => getChannel(db, teamId, id, reading);
  const shown = (role: Role, channel: Channel) => channelFor(role, channel, kinds.get(channel.kind));
  const wake = (lane: string | null) => lane && deliveries.wakeSoon({ lane }, lane);

  async function adapterOf(kind: string) {
    const adapter = await adapters.load(kind);
    if (!adapter) throw invalidField('kind', `is none of ${adapters.kinds.join(', ')}`);
    return adapter;
  }

  async function connect(teamId: string, body: ChannelCreate): Promise<ChannelCreated> {
    const { kind, agentId, routes, guestTools, access, live } = body;
    assertTools(guestTools);
    const adapter = await adapterOf(kind);
    const entry = kinds.get(kind);
    const credentials = readFields(adapter.credentials, 'credentials', body.credentials);
    const settings = readFields(adapter.settings, 'settings', body.settings);
    const id = await createChannel(db, kek, teamId, {
      kind,
      name: body.name ?? entry?.name ?? kind,
      isNameChosen: body.name !== undefined,
      agentId,
      credentials,
      settings,
      access: access ?? defaultAccess(kind),
      routes,
      guestTools,
      live: live ?? entry?.defaults.live ?? true,
      connects: wantsConnector(adapter, settings),
      isMachineMade: (secret) => isMachineMade(entry, secret),
      ownIds: ownIds(adapter, { settings, account: null }),
    });
    hooks.forget();
    const generated = generatedBy(body.credentials, credentials);
    return { ...(await read(teamId, id)), generated, nextSteps: await nextSteps(teamId, id) };
  }

  const defaultAccess = (kind: string) =>
    ChannelAccess.parse({ strangers: kinds.get(kind)?.defaults.strangers ?? 'pair' });

  /** What the catalogue tells to do next, with the addresses of this channel. */
  async function nextSteps(teamId: string, id: string): Promise<string[]> {
    const channel = await read(teamId, id);
    const { hookKey } = await openChannel(db, kek, teamId, id);
    const words = {
      webhookUrl: channel.webhookUrl ?? '',
      snippet: channel.snippet ?? '',
      publicUrl,
      key: hookKey,
    };
    const { setup = [] } = kinds.get(channel.kind) ?? {};
    // Where the platform does not push, nothing is to be entered there.
    const steps = channel.webhookUrl ? setup : setup.filter((step) => !step.includes('{webhookUrl}'));
    return steps.map((step) =>
      Object.entries(words).reduce((text, [word, value]) => text.replaceAll(`{${word}}`, value), step),
    );
  }

  /** Puts all of `body` in the place of what a channel is; credentials that it does not name stay. */
  async function replaceChannel(teamId: string, id: string, body: ChannelCreate): Promise<ChannelCreated> {
    const { kind, credentials, settings, access, live, ...rest } = body;
    const current = await read(teamId, id);
    const entry = kinds.get(kind);
    if (kind !== current.kind) {
      const { name } = current;
      throw new DomainError('conflict', `The channel "${name}" is of another kind: ${current.kind}.`, {
        existing: { id, name },
      });
    }
    const adapter = await adapterOf(kind);
    // A setting that is not named is unset.
    const unset = Object.fromEntries(Object.keys(current.settings).map((name) => [name, null]));
    const wanted = readFields(adapter.settings, 'settings', settings);
    const isSame = isDeepStrictEqual(wanted, current.settings);
    const { generated } = await updateChannel(
      db,
      kek,
      teamId,
      id,
      {
        ...rest,
        access: access ?? defaultAccess(kind),
        live: live ?? entry?.defaults.live ?? true,
        // What is named as it is ends no connection.
        ...(!isSame && { settings: { ...unset, ...settings } }),
        ...(Object.keys(credentials).length > 0 && { credentials }),
      },
      fieldRules(adapter, entry),
    );
    hooks.forget();
    return { ...(await read(teamId, id)), generated, nextSteps: await nextSteps(teamId, id) };
  }

  app.post(
    '/v1/channels',
    {
      config: { role: 'admin', idempotent: true },
      schema: {
        tags: ['channels'],
        summary: 'Connect a chat platform',
        description:
          '`GET /v1/catalog/channels` lists the kinds and what each needs. The answer holds the address for the platform ' +
          'to push to, what to do next, and secrets that were made, this once.',
        body: ChannelCreate,
        response: { 201: ChannelCreated, ...errors },
      },
    },
    async (request, reply) => {
      return reply.status(201).send(await connect(request.caller.teamId, request.body));
    },
  );

  app.get(
    '/v1/channels',
    {
      schema: {
        tags: ['channels'],
        summary: 'List channels',
        querystring: ChannelListQuery,
        response: { 200: pageOf(Channel), ...errors },
      },
    },
    async ({ caller, query }) => {
      const page = await listChannels(db, caller.teamId, query, reading);
      return { ...page, data: page.data.map((channel) => shown(caller.role, channel)) };
    },
  );

  app.get(
    '/v1/channels/:id',
    {
      schema: {
        tags: ['channels'],
        summary: 'Read a channel',
        params: Params,
        response: { 200: Channel, ...errors },
      },
    },
    async ({ caller, params }) => shown(caller.role, await read(caller.teamId, params.id)),
  );

  app.put(
    '/v1/channels/by-name/:name',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Connect the chat platform of this name, or replace how it is connected',
        description:
          'The body is all of it: what is left out is as in a new channel, but for credentials, which stay. Its kind stays. ' +
          'What was made for it (`generated`) is shown when it is made.',
        params: NameParams,
        body: ChannelReplace,
        response: { 200: ChannelCreated, 201: ChannelCreated, ...errors },
      },
    },
    async (request, reply) => {
      const { teamId } = request.caller;
      const { name: given, ...body } = request.body;
      assertTools(body.guestTools);
      const { status, record } = await upsert(db, teamId, 'channel', {
        name: request.params.name,
        given,
        create: (name) => connect(teamId, { ...body, name }),
        replace: (id) => replaceChannel(teamId, id, body),
      });
      return reply.status(status).send(record);
    },
  );

  app.get(
    '/v1/channels/:id/places',
    {
      schema: {
        tags: ['channels'],
        summary: 'List where a channel can speak: rooms, groups and people, the ones of late first',
        description:
          'What it has heard from. A schedule delivers to one of them: `deliverTo: {channel, place}`, by its name, by a ' +
          'person, or by its `address`.',
        params: Params,
        querystring: PlaceListQuery,
        response: { 200: pageOf(KnownPlace), ...errors },
      },
    },
    (request) => listPlaces(db, request.caller.teamId, request.params.id, request.query, placeRules),
  );

  app.patch(
    '/v1/channels/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Change a channel',
        description:
          'New credentials and settings count at once; what needed attention is tried again with them. A setting that ' +
          'names where secrets are sent (an address, a port, the encryption) changes only together with all secrets ' +
          'that are stored. A secret that is null is unset, or made again, and then shown this once.',
        params: Params,
        body: ChannelUpdate,
        response: { 200: ChannelUpdated, ...errors },
      },
    },
    async (request) => {
      const { teamId } = request.caller;
      const { id } = request.params;
      if (Object.values(request.body).every((value) => value === undefined))
        throw invalidField('body', 'changes nothing');
      assertTools(request.body.guestTools ?? []);
      // A channel keeps its kind, so this may be read before the row is locked.
      const { kind } = await read(teamId, id);
      const rules = fieldRules(await adapterOf(kind), kinds.get(kind));
      const { generated } = await updateChannel(db, kek, teamId, id, request.body, rules);
      hooks.forget();
      return { ...(await read(teamId, id)), generated };
    },
  );

  app.delete(
    '/v1/channels/:id',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Remove a channel',
        description:
          'Its credentials are forgotten and what waits to be sent is given up; conversations stay readable.',
        params: Params,
        response: { 204: NoContent, ...errors },
      },
    },
    async (request, reply) => {
      await deleteChannel(db, request.caller.teamId, request.params.id);
      hooks.forget();
      return reply.status(204).send(null);
    },
  );

  for (const [verb, status, summary] of [
    ['pause', 'paused', 'Pause: what comes in is dropped, what is to go out waits'],
    ['resume', 'active', 'Resume a channel that was paused, or that needed attention'],
  ] as const) {
    app.post(
      `/v1/channels/:id/${verb}`,
      {
        config: { role: 'admin' },
        schema: { tags: ['channels'], summary, params: Params, response: { 200: Channel, ...errors } },
      },
      async (request) => {
        const { teamId } = request.caller;
        await setChannelStatus(db, teamId, request.params.id, status);
        hooks.forget();
        return read(teamId, request.params.id);
      },
    );
  }

  app.post(
    '/v1/channels/:id/test',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Ask the platform whether all is set up, and say what is not',
        params: Params,
        response: { 200: ChannelTest, ...errors },
      },
    },
    async (request): Promise<ChannelTest> => {
      const { teamId } = request.caller;
      const { id } = request.params;
      await read(teamId, id);
      try {
        const { channel, adapter, connection } = await openConnection(deps, teamId, id);
        const probing = adapter.probe(connection, {
          fetch: guarded.fetch,
          lookup: guarded.lookup,
          signal: AbortSignal.timeout(testTimeoutMs),
          hookUrl: publicUrl + hookPath(channel.hookKey),
        });
        const { account, problems } = await probing.then(Probed.parse).catch((error) => {
          if (error instanceof ChannelError) throw error;
          request.log.warn({ err: error, kind: channel.kind }, 'test of a channel cannot be read');
          throw new ChannelError('rejected', 'The platform answered something that cannot be read.');
        });
        const { settings } = connection;
        await setChannelAccount(db, teamId, id, { account, ownIds: ownIds(adapter, { settings, account }) });
        await clearAttention(db, id);
        hooks.forget();
        return { ok: problems.length === 0, account, problems: [...problems] };
      } catch (error) {
        if (!(error instanceof ChannelError)) throw error;
        const message = kek.redactor.redact(error.message);
        if (error.kind === 'auth') {
          const lanes = await markAttention(db, id, { code: 'credentials_refused', message });
          for (const lane of lanes ?? []) wake(lane);
        }
        return { ok: false, account: null, problems: [{ message, fix: fixes[error.kind] }] };
      }
    },
  );

  app.get(
    '/v1/channels/:id/traffic',
    {
      schema: {
        tags: ['channels'],
        summary: 'What came in and went out lately, and what went wrong',
        params: Params,
        querystring: ChannelTrafficQuery,
        response: { 200: ChannelTraffic, ...errors },
      },
    },
    (request) => readTraffic(db, request.caller.teamId, request.params.id, request.query),
  );

  app.get(
    '/v1/channels/:id/identities',
    {
      schema: {
        tags: ['channels'],
        summary: 'Whom the channel has met',
        params: Params,
        querystring: IdentityListQuery,
        response: { 200: pageOf(Identity), ...errors },
      },
    },
    (request) => listIdentities(db, request.caller.teamId, request.params.id, request.query),
  );

  app.patch(
    '/v1/channels/:id/identities/:identityId',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Approve or block somebody',
        description:
          'What they wrote while they waited is answered. 409: nobody vouches for who they are, so they cannot be approved.',
        params: Params.extend({ identityId: Id }),
        body: IdentityUpdate,
        response: { 200: Identity, ...errors },
      },
    },
    async (request) => {
      const { id, identityId } = request.params;
      const channel = { teamId: request.caller.teamId, channelId: id, traceId: request.traceId };
      const { status } = request.body;
      const { identity, events } = await decideIdentity(db, kek, channel, { identityId, status });
      wakeForEvents(deps, events);
      return identity;
    },
  );

  app.post(
    '/v1/channels/:id/pairings',
    {
      config: { role: 'admin' },
      schema: {
        tags: ['channels'],
        summary: 'Approve whoever was told this code',
        description: 'What they wrote while they waited is answered. Wrong codes are limited.',
        params: Params,
        body: PairingApprove,
        response: { 200: Identity, ...errors },
      },
    },
    async (request, reply) => {
      const { id: channelId } = request.params;
      const { teamId } = request.caller;
      const guesser = `${teamId}/${channelId}`;
      // Counted before the database is asked, so that many at once are no way around it.
      const waitSeconds = guesses.take(guesser);
      if (waitSeconds !== undefined) {
        reply.header('retry-after', waitSeconds);
        throw new DomainError('rate_limited', 'Too many wrong codes for this channel. Try again later.');
      }
      const channel = { teamId, channelId, traceId: request.traceId };
      const { identity, events } = await approvePairing(db, kek, channel, request.body.code);
      guesses.take(guesser, -1);
      wakeForEvents(deps, events);
      return identity;
    },
  );
};

/** @throws {DomainError} invalid_request: there is no such tool */
function assertTools(names: readonly string[]): void {
  const known = new Set(builtInTools.map((tool) => tool.name));
  for (const [at, name] of names.entries()) {
    if (!known.has(name))
      throw invalidField(`guestTools.${at}`, 'there is no such tool. GET /v1/catalog/tools lists them.');
  }
}

/** What to do about an error that says only what happened. */
const fixes: Record<ChannelError['kind'], string> = {
  auth: 'Check the credentials in the setup guide, and store them anew.',
  rejected: 'Check the settings against the setup guide.',
  gone: 'Check the settings against the setup guide.',
  retry: 'Check that the address is right and can be reached from this server, then test again.',
  ambiguous: 'The platform was slow to answer. Test again.',
};
