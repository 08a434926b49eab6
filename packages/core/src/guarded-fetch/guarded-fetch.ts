/**
 * The one way out for requests that a user or a model can steer. Their host is resolved once, every address it has is
 * checked, and the socket connects to a checked one, so that a name cannot change its mind in between. Redirects are
 * not followed; bodies come as they are on the wire, not decompressed.
 */
import type { LookupOptions } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import { type Fetch, FetchFailure } from '@nightshift/contracts';
import { createAddressPolicy } from './address-policy.ts';

export interface GuardedFetch {
  /**
   * Takes the method, headers, body (text or bytes) and signal of `init`.
   * @throws {FetchFailure} also from the answer's body, when it is too large or does not end in time
   */
  readonly fetch: Fetch;
  /**
   * Whether such a request would be refused, as far as can be said without making it: a name that cannot be resolved
   * now passes.
   * @throws {FetchFailure} refused
   */
  check(url: string): Promise<void>;
  /**
   * As `net.LookupFunction`, for sockets of other protocols: fails with a `FetchFailure` for what `fetch` would refuse.
   * Takes addresses, too. Without a port, what the operator allows with one is refused.
   */
  lookup(
    hostname: string,
    options: LookupOptions & { readonly port?: number },
    done: Parameters<LookupFunction>[2],
  ): void;
}

export interface GuardedFetchOptions {
  /** Hosts (`host`, `host:port`) and ranges (CIDR) that may be reached though they are not public. */
  allow: readonly string[];
  /** For the whole exchange, in milliseconds. */
  timeoutMs?: number;
  /** Of an answer's body. */
  maxBytes?: number;
  lookup?: (hostname: string, options: { all: true }) => Promise<Address[]>;
}

interface Address {
  address: string;
  family: number;
}

const schemes: Record<string, { port: number; request: typeof requestHttp; ready: string }> = {
  'http:': { port: 80, request: requestHttp, ready: 'connect' },
  'https:': { port: 443, request: requestHttps, ready: 'secureConnect' },
};

const refused = (message: string) => new FetchFailure('refused', message);
const portOf = (url: URL) => Number(url.port) || schemes[url.protocol]!.port;

const notLookedUp = (host: string, code = 'unknown error', cause?: unknown) =>
  new FetchFailure('unreachable', `The name ${host} cannot be looked up (${code}).`, { cause });

/** A host as `URL` spells it. @throws {FetchFailure} refused: it is none */
function spell(host: string): string {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}`;
  if (/[/?#@\\]/.test(host) || !URL.canParse(url)) throw refused(`"${host}" is no host name.`);
  return new URL(url).hostname;
}

/** @throws {FetchFailure} refused */
function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw refused('It is not a URL.');
  const url = new URL(text);
  if (!schemes[url.protocol]) throw refused(`Only http and https are allowed, not ${url.protocol}`);
  if (url.username || url.password) throw refused('The URL must hold no user or password.');
  return url;
}

export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { allow, timeoutMs = 15_000, maxBytes = 1024 * 1024, lookup = systemLookup } = options;
  const policy = createAddressPolicy(allow);

  /** The addresses that a socket may connect to. `hostname` as `URL` spells it; port 0: any. */
  async function resolve(hostname: string, port: number): Promise<Address[]> {
    // A URL spells every form of an IP address in the one canonical way: 0177.0.0.1 and 2130706433 are 127.0.0.1.
    const host = hostname.replace(/^\[|\]$/g, '');
    const family = isIP(host);
    const addresses = family ? [{ address: host, family }] : await lookUp(host);
    if (policy.allowsHost(hostname, port)) return addresses;
    const inside = addresses.find(({ address }) => !policy.allowsAddress(address));
    if (!inside) return addresses;
    const what = family ? `${host} is` : `${host} is ${inside.address},`;
    throw refused(
      `${what} no public address. Who runs this server can allow it: OUTBOUND_ALLOW=${hostname}${port ? `:${port}` : ''}`,
    );
  }

  async function lookUp(host: string): Promise<Address[]> {
    try {
      return await lookup(host, { all: true });
    } catch (cause) {
      throw notLookedUp(host, (cause as NodeJS.ErrnoException).code, cause);
    }
  }

  return {
    async fetch(input, init = {}) {
      const url = parseUrl(input);
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
      const addresses = await beforeAbort(resolve(url.hostname, portOf(url)), signal);
      return exchange(url, addresses, { ...init, signal }, maxBytes);
    },
    async check(input) {
      try {
        const url = parseUrl(input);
        await beforeAbort(resolve(url.hostname, portOf(url)), AbortSignal.timeout(timeoutMs));
      } catch (error) {
        if (error instanceof FetchFailure && error.reason !== 'refused') return;
        throw error;
      }
    },
    lookup(host, { all, family, port = 0 }, done) {
      const version = Number(String(family ?? 0).replace('IPv', ''));
      const found = (addresses: Address[]) => {
        const fitting = addresses.filter((each) => version === 0 || each.family === version);
        if (fitting.length === 0) done(notLookedUp(host, 'ENOTFOUND'), '', 0);
        else if (all) done(null, fitting);
        else done(null, fitting[0]!.address, fitting[0]!.family);
      };
      const spelled = async () => resolve(spell(host), port);
      spelled().then(found, (error) => done(error, '', 0));
    },
  };
}

/** A lookup cannot be stopped; it is only no longer waited for. */
async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () =>
    reject(
      new FetchFailure('unreachable', 'The name could not be looked up in time.', { cause: signal.reason }),
    );
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function exchange(
  url: URL,
  addresses: readonly Address[],
  init: RequestInit & { signal: AbortSignal },
  maxBytes: number,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const { request: send, ready } = schemes[url.protocol]!;
  /** From here on the request may have left. */
  let connected = false;
  const pinned: LookupFunction = (_host, { all }, done) =>
    all ? done(null, [...addresses]) : done(null, addresses[0]!.address, addresses[0]!.family);

  const request = send(url, {
    method: init.method ?? 'GET',
    headers: Object.fromEntries(new Headers(init.headers)),
    signal: init.signal,
    lookup: pinned,
    // A connection of its own: one that is kept may close just as the next request leaves on it, and nobody can tell
    // then whether that arrived.
    agent: false,
  });
  request.once('socket', (socket) =>
    socket.once(ready, () => {
      connected = true;
    }),
  );
  request.on('error', (cause) => reject(failure(cause, connected, init.signal)));
  request.once('response', (response) => {
    try {
      resolve(toResponse(response, maxBytes, (cause) => failure(cause, true, init.signal)));
    } catch (cause) {
      request.destroy();
      reject(new FetchFailure('interrupted', 'The answer is not HTTP as it should be.', { cause }));
    }
  });
  request.end(init.body ?? undefined);
  return promise;
}

function failure(cause: Error, connected: boolean, { aborted }: AbortSignal): FetchFailure {
  if (cause instanceof FetchFailure) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? cause.message;
  if (!connected) {
    const message = aborted ? 'No connection was made in time.' : `No connection could be made (${code}).`;
    return new FetchFailure('unreachable', message, { cause });
  }
  const message = aborted ? 'No complete answer came in time.' : `The connection broke off (${code}).`;
  return new FetchFailure('interrupted', message, { cause });
}

const hasNoBody = (status: number) => status === 204 || status === 205 || status === 304;

function toResponse(
  message: IncomingMessage,
  maxBytes: number,
  toFailure: (cause: Error) => FetchFailure,
): Response {
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at]!, message.rawHeaders[at + 1]!);
  }
  const status = message.statusCode!;
  if (hasNoBody(status)) {
    message.resume();
    return new Response(null, { status, headers });
  }
  let size = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes)
        done(new FetchFailure('interrupted', `The answer is larger than ${maxBytes} bytes.`));
      else done(null, chunk);
    },
    destroy: (error, done) => done(error && toFailure(error)),
  });
  // An error reaches whoever reads the body, through `limited`.
  pipeline(message, limited, () => {});
  // Not `Readable.toWeb`, which throws past everybody when a body with data in it is cancelled.
  return new Response(ReadableStream.from(limited), { status, headers });
}
