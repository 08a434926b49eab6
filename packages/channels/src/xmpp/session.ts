/** A connection to an XMPP server: found, encrypted, logged in, and kept until it ends. */
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { client as createClient, type Element, type XmppClient, xml } from '@xmpp/client';
import { type CallContext, ChannelError } from '../channel.ts';
import { resolveHost } from '../sockets.ts';
import { boundStream } from './bounds.ts';
import { ns, type Settings, type XmppConnection } from './connection.ts';
import { connectionError } from './errors.ts';

export interface XmppSession {
  readonly client: XmppClient;
  readonly domain: string;
  /** Our own, bare. */
  readonly address: string;
  /** Why the connection ended; pending while it stands. */
  readonly ended: Promise<ChannelError>;
  /** Aborts when it has: for what is waited for meanwhile, and forgotten afterwards. */
  readonly gone: AbortSignal;
  /** Calls the listener for each stanza, until the function that is returned is called. */
  listen(listener: (stanza: Element) => void): () => void;
  /** Stops reading, and goes on: what the server has for us waits there. */
  pause(): void;
  resume(): void;
  /** Says goodbye. */
  close(): Promise<void>;
}

/** How long the server has for each step of letting us in, in milliseconds. */
const stepMs = 10_000;
const entryMs = 25_000;
const partingMs = 1_000;
const pingMs = 60_000;

/** In milliseconds, for each of its tries. */
const resolver = new Resolver({ timeout: 2_000, tries: 2 });

/** Where the server of an address is: https://www.rfc-editor.org/rfc/rfc6120#section-3.2 */
async function findServer({
  address,
  host,
  port,
  encryption,
}: Settings): Promise<{ host: string; port: number }> {
  const usual = encryption === 'tls' ? 5223 : 5222;
  if (host !== undefined) return { host, port: port ?? usual };
  const domain = domainOf(address);
  const service = encryption === 'tls' ? '_xmpps-client' : '_xmpp-client';
  // Most servers have no such record: they are where their domain is.
  const records = isIP(domain) ? [] : await resolver.resolveSrv(`${service}._tcp.${domain}`).catch(() => []);
  const [best] = records.toSorted((one, other) => one.priority - other.priority || other.weight - one.weight);
  return best && best.name !== '' && port === undefined
    ? { host: best.name, port: best.port }
    : { host: domain, port: port ?? usual };
}

export const domainOf = (address: string) => address.slice(address.indexOf('@') + 1);

/**
 * @param resource tells connections of one account apart
 * @throws {ChannelError} auth: refused for good · retry: for now · rejected: sockets may not go there
 */
export async function openSession(
  connection: XmppConnection,
  context: CallContext,
  resource: string,
): Promise<XmppSession> {
  const { credentials, settings } = connection;
  const { address, encryption } = settings;
  const domain = domainOf(address);
  const server = await findServer(settings);
  const pinned = { host: await resolveHost(server.host, server.port, context), port: server.port };
  const service = encryption === 'tls' ? 'xmpps://pinned' : 'xmpp://pinned';
  const username = address.slice(0, address.indexOf('@'));
  const client: XmppClient = createClient({
    service,
    domain,
    resource,
    username,
    timeout: stepMs,
    async credentials(authenticate, mechanisms) {
      const isSecure = client.isSecure();
      if (!isSecure && encryption !== 'none')
        throw new ChannelError(
          'auth',
          'The XMPP server offers no encryption, so it does not get the password.',
        );
      // The library puts the best one first. PLAIN is the password itself.
      const mechanism = mechanisms.find((name) => name !== 'ANONYMOUS' && (isSecure || name !== 'PLAIN'));
      if (!mechanism)
        throw new ChannelError(
          'auth',
          'The XMPP server offers no way to log in that keeps the password secret.',
        );
      await authenticate({ username, password: credentials.password }, mechanism, undefined);
    },
  });
  client.reconnect.stop();
  let trouble: unknown;
  // Whatever the server names as another host: the socket goes to the address that was checked.
  const Base = client.transports.find(({ prototype }) => isFor(prototype, service))!;
  client.transports = [
    class extends Base {
      override socketParameters() {
        return encryption === 'tls' && isIP(domain) === 0 ? { ...pinned, servername: domain } : pinned;
      }
    } as typeof Base,
  ];

  const socketOf = () => (client.socket?.destroy ? client.socket : client.socket?.socket);
  const destroy = () => socketOf()?.destroy?.();
  boundStream(client, (error) => {
    trouble ??= error;
    destroy();
  });

  // XEP-0198 is not agreed on: the library acknowledges what it has read before it is stored, and counts from the wrong
  // stanza on when `enabled` comes together with others, for which servers end the connection.
  client.prependListener('element', (element: Element) => void element.remove('sm', 'urn:xmpp:sm:3'));

  const { promise: ended, resolve: end } = Promise.withResolvers<ChannelError>();
  const online = Promise.withResolvers<void>();
  online.promise.catch(() => undefined);
  const listeners = new Set<(stanza: Element) => void>();
  client.on('error', (error: unknown) => {
    trouble ??= error;
    online.reject(error);
  });
  const gone = new AbortController();
  client.on('disconnect', () => {
    end(connectionError(trouble ?? new Error('it was closed')));
    gone.abort();
  });
  client.on('online', () => online.resolve());
  client.on('stanza', (stanza: Element) => {
    for (const listener of listeners) listener(stanza);
  });
  void ended.then(online.reject);
  client.iqCallee.get(ns.discoInfo, 'query', aboutUs);

  const late = () => online.reject(new ChannelError('retry', 'The XMPP server did not let us in in time.'));
  const timer = setTimeout(late, entryMs);
  context.signal.addEventListener('abort', late, { once: true });
  try {
    await Promise.race([client.connect(service), online.promise]);
    await Promise.race([client.open({ domain }), online.promise]);
    await online.promise;
  } catch (error) {
    destroy();
    throw connectionError(error);
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', late);
  }

  const pinging = setInterval(() => {
    ping(client, domain, stepMs).catch((error) => {
      trouble ??= error;
      destroy();
    });
  }, pingMs);
  void ended.then(() => clearInterval(pinging));
  return {
    client,
    domain,
    address,
    ended,
    gone: gone.signal,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pause: () => socketOf()?.pause?.(),
    resume: () => socketOf()?.resume?.(),
    async close() {
      clearInterval(pinging);
      const parting = setTimeout(destroy, partingMs);
      await client.stop().catch(() => undefined);
      clearTimeout(parting);
    },
  };
}

function isFor(
  prototype: { socketParameters(service: string): object | undefined },
  service: string,
): boolean {
  try {
    return prototype.socketParameters(service) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Fulfilled when the server has read all that was sent before: it handles stanzas in order, and a refusal answers as well
 * as a pong. https://xmpp.org/extensions/xep-0199.html
 * @throws when the connection is gone, or the server silent
 */
export async function ping(client: XmppClient, domain: string, timeoutMs: number): Promise<void> {
  await client.iqCaller
    .request(xml('iq', { type: 'get', to: domain }, xml('ping', { xmlns: ns.ping })), timeoutMs)
    .catch((error) => {
      if (error?.name !== 'StanzaError') throw error;
    });
}

/** That we are a program, and what we know: https://xmpp.org/extensions/xep-0030.html#info */
function aboutUs(): Element {
  const features = [ns.discoInfo, ns.ping, ns.chatStates, ns.correct, ns.receipts, ns.reactions, ns.oob];
  return xml(
    'query',
    { xmlns: ns.discoInfo },
    xml('identity', { category: 'client', type: 'bot', name: 'Nightshift' }),
    ...features.map((feature) => xml('feature', { var: feature })),
  );
}
