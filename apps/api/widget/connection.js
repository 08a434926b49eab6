import { createStore } from './store.js';

/** The session with the server, and the stream of what happens. It comes back by itself. */

/** The server says something every 15 s; after so long without, the connection is gone, in milliseconds. */
const silenceMs = 45_000;

/** A tab that nobody sees gives its connection to others after so long: browsers have six for a server. In milliseconds. */
const hiddenMs = 30_000;

/** An answer that is a refusal. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {number} retryAfter seconds
   */
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** @param {number} attempt from 0. @returns {number} milliseconds */
export const backoffMs = (attempt) => Math.min(30_000, 1_000 * 2 ** attempt) * (0.75 + Math.random() / 2);

/**
 * @param {number} ms
 * @param {EventTarget} early which may cut it short, by the event `hurry`
 * @returns {Promise<void>}
 */
export function pause(ms, early) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      early.removeEventListener('hurry', done);
      resolve();
    }
    early.addEventListener('hurry', done);
  });
}

/**
 * @param {{ base: string, key: string, userToken: string | undefined,
 *   onEvent: (event: string, data: any) => void,
 *   onState: (state: 'connecting' | 'online' | 'offline' | 'refused') => void }} options
 */
export function createConnection({ base, key, userToken, onEvent, onState }) {
  const address = `${base}v1/widget/${encodeURIComponent(key)}`;
  const tokens = createStore('localStorage', key);
  const early = new EventTarget();
  /** @type {string | null} */
  let token = null;
  /** @type {Promise<void> | undefined} */
  let beginning;
  let lastId = '';
  let wanted = false;
  let running = false;
  /** @type {AbortController | undefined} */
  let streaming;

  /**
   * @param {string} path
   * @param {{ body?: object, auth?: string | null, headers?: Record<string, string>, signal?: AbortSignal }} [options]
   */
  async function request(path, { body, auth = token, headers = {}, signal } = {}) {
    const response = await fetch(address + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...(auth && { authorization: `Bearer ${auth}` }),
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      credentials: 'omit',
      cache: 'no-store',
    });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Refusal(
      response.status,
      String(problem.detail ?? ''),
      Number(response.headers.get('retry-after') ?? 5),
    );
  }

  /** Whoever the host page names has a session for this page alone: the next one at this browser may be somebody else. */
  async function begin() {
    if (userToken) {
      token = (await (await request('/sessions', { body: { userToken }, auth: null })).json()).token;
      return;
    }
    const renew = async () => {
      const kept = tokens.read();
      const answer = await request('/sessions', { body: {}, auth: kept }).catch((error) => {
        if (!(error instanceof Refusal) || error.status !== 401 || !kept) throw error;
        return request('/sessions', { body: {}, auth: null });
      });
      token = (await answer.json()).token;
      tokens.write(token);
    };
    // Two tabs that open at once must not be two visitors.
    if (navigator.locks) await navigator.locks.request(`nightshift-chat:${key}`, renew);
    else await renew();
  }

  /** @returns {Promise<void>} */
  function ensureSession() {
    if (token) return Promise.resolve();
    beginning ??= begin().finally(() => {
      beginning = undefined;
    });
    return beginning;
  }

  /**
   * @template T
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  async function asVisitor(ask) {
    await ensureSession();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401) throw error;
      token = null;
      await ensureSession();
      return ask();
    }
  }

  async function listen() {
    streaming = new AbortController();
    const { signal } = streaming;
    const response = await asVisitor(() =>
      request('/events', { headers: lastId ? { 'last-event-id': lastId } : {}, signal }),
    );
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const silent = setTimeout(() => streaming?.abort(), silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(silent));
      if (done) return;
      const frames = (text + decoder.decode(value, { stream: true })).split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const fields = Object.fromEntries(frame.split('\n').map((line) => line.split(/: (.*)/s, 2)));
        if (!fields.data) continue;
        if (fields.id) lastId = fields.id;
        onState('online');
        onEvent(fields.event, JSON.parse(fields.data));
      }
    }
  }

  async function run() {
    if (running) return;
    running = true;
    onState('connecting');
    for (let attempt = 0; wanted; attempt += 1) {
      const begun = Date.now();
      try {
        await listen();
      } catch (error) {
        if (error instanceof Refusal && error.status === 401 && userToken) {
          onState('refused');
          break;
        }
        if (wanted) onState('offline');
      }
      if (Date.now() - begun > 10_000) attempt = -1;
      if (wanted) await pause(backoffMs(Math.max(0, attempt)), early);
    }
    running = false;
  }

  function hurry() {
    early.dispatchEvent(new Event('hurry'));
  }
  addEventListener('online', hurry);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let leaving;
  let opened = false;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(leaving);
    if (document.visibilityState === 'hidden') leaving = setTimeout(stop, hiddenMs);
    else if (opened) start();
  });

  function stop() {
    wanted = false;
    streaming?.abort();
    hurry();
  }
  function start() {
    opened = true;
    wanted = true;
    hurry();
    run();
  }

  return {
    early,
    start,
    /** @returns {Promise<import('./types.d.ts').Widget>} */
    look: async () => (await request('', { auth: null })).json(),
    /**
     * @param {Omit<import('./types.d.ts').Unsent, 'problem'>} message
     * @returns {Promise<import('./types.d.ts').WidgetMessageAccepted>}
     */
    say: async ({ id, text, files }) =>
      (await asVisitor(() => request('/messages', { body: { id, text, files } }))).json(),
    /**
     * @param {string} before a message's id
     * @returns {Promise<import('./types.d.ts').WidgetHistory>}
     */
    earlier: async (before) =>
      (await asVisitor(() => request(`/messages?before=${encodeURIComponent(before)}`))).json(),
  };
}
