/** Visitors of web pages, as the widget is one: over HTTP, from an origin. */
import { randomUUID } from 'node:crypto';
import type { WidgetMessage } from '@nightshift/contracts';
import { type Answer, type Client, createClient, openStream, type SseEvent } from '../api/index.ts';

export interface WebChat {
  id: string;
  /** What the snippet names. */
  key: string;
  /** The signing secret. */
  secret: string;
}

export const shopOrigin = 'https://shop.example.com';

/** A web chat for pages of {@link shopOrigin}. */
export async function connectWebChat(
  owner: Client,
  agentId: string,
  { settings = {}, ...more }: { settings?: object; [field: string]: unknown } = {},
): Promise<WebChat> {
  const body = { kind: 'web', agentId, settings: { origins: shopOrigin, ...settings }, ...more };
  const channel = await owner.expect(201, owner.post('/v1/channels', body));
  const [, key] = /data-channel="([\w-]+)"/.exec(channel.snippet)!;
  return { id: channel.id, key: key!, secret: channel.generated.secret };
}

export interface Seen {
  /** Each message as it was told last, oldest first. */
  messages(): WidgetMessage[];
  /** Those of an author, as text. */
  texts(role?: WidgetMessage['role']): string[];
  /** Every event, in order. */
  readonly events: readonly SseEvent[];
  /** Where to go on. */
  lastId(): string | undefined;
  leave(): void;
}

export interface Visitor {
  readonly token: string;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** `id`: the same one again is a repetition. */
  say(text: string, more?: object): Promise<Answer>;
  watch(lastId?: string): Promise<Seen>;
}

/** What can be read of a message. */
const textOf = (nodes: readonly unknown[]): string =>
  nodes
    .map((node) =>
      typeof node === 'string' ? node : textOf((node as { children?: unknown[] }).children ?? []),
    )
    .join('');

export const beginVisit = (
  url: string,
  { key }: WebChat,
  { origin = shopOrigin, body = {}, token }: { origin?: string; body?: object; token?: string } = {},
): Promise<Answer> =>
  createClient(url, null).post(`/v1/widget/${key}/sessions`, body, {
    origin,
    ...(token && { authorization: `Bearer ${token}` }),
  });

export async function startVisitor(
  url: string,
  chat: WebChat,
  options: { body?: object; token?: string } = {},
): Promise<Visitor> {
  const client = createClient(url, null);
  const { token } = options.token
    ? { token: options.token }
    : await client.expect(201, beginVisit(url, chat, options));
  const headers = { origin: shopOrigin, authorization: `Bearer ${token}` };
  const base = `/v1/widget/${chat.key}`;
  return {
    token,
    send: (method, path, body, more) => client.send(method, base + path, body, { ...headers, ...more }),
    say: (text, more = {}) => client.post(`${base}/messages`, { id: randomUUID(), text, ...more }, headers),
    async watch(lastId) {
      const stream = await openStream(`${url}${base}/events`, {
        ...headers,
        ...(lastId && { 'last-event-id': lastId }),
      });
      if (stream.response.status !== 200) {
        stream.leave();
        throw new Error(`The stream was refused: ${stream.response.status}`);
      }
      const events: SseEvent[] = [];
      const reading = (async () => {
        for await (const event of stream) events.push(event);
      })();
      // It ends with the server, or when the visitor leaves.
      reading.catch(() => undefined);
      const messages = () => {
        const told: WidgetMessage[] = events.flatMap(({ event, data }) =>
          event === 'history' ? data.messages : event === 'message' ? [data] : [],
        );
        return [...new Map(told.map((message) => [message.id, message])).values()];
      };
      return {
        events,
        messages,
        texts: (role) =>
          messages().flatMap((message) => (role && message.role !== role ? [] : [textOf(message.blocks)])),
        lastId: () => events.findLast(({ id }) => id !== undefined)?.id,
        leave: stream.leave,
      };
    },
  };
}
