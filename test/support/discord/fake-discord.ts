/** Discord as a bot sees it: its HTTP API, its files and its gateway, which check what they are sent. */
import { type FakeAnswer, type FakeHttp, type FakeRequest, startFakeHttp } from '../channel/fake-http.ts';
import { type FakeGateway, serveGateway } from './gateway.ts';
import { Created, Edited, maxFileBytes, userAgent } from './rules.ts';
import {
  ann,
  bot,
  botRoleId,
  botToken,
  directId,
  guildId,
  hiddenId,
  newSnowflake,
  roomId,
  silentId,
  threadId,
} from './world.ts';

export interface FakeMessage {
  id: string;
  channel_id: string;
  content: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  [field: string]: any;
}

export interface FakeDiscord extends FakeHttp {
  readonly gateway: FakeGateway;
  /** Every message there is, oldest first. */
  readonly messages: FakeMessage[];
  readonly typing: string[];
  /** `message emoji`, in order. */
  readonly reactions: string[];
  /** Interactions that were acknowledged. */
  readonly acknowledged: string[];
  /** What may be downloaded, by path. */
  readonly files: Map<string, Uint8Array>;
  /** How the app stands; a test may change it. */
  readonly app: { flags: number; interactionsUrl: string | null; guilds: string[]; sessionsLeft: number };
}

const json = (body: unknown): FakeAnswer => ({ status: 200, body });
const done: FakeAnswer = { status: 204 };
const refuse = (status: number, code: number, message: string, errors?: unknown): FakeAnswer => ({
  status,
  body: { message, code, ...(errors !== undefined && { errors }) },
});
const unauthorized = refuse(401, 0, '401: Unauthorized');

/** `us`: the bot of the token. */
export async function startFakeDiscord(us = bot): Promise<FakeDiscord> {
  const messages: FakeMessage[] = [];
  const typing: string[] = [];
  const reactions: string[] = [];
  const acknowledged: string[] = [];
  const files: FakeDiscord['files'] = new Map();
  const app: FakeDiscord['app'] = {
    flags: 1 << 19,
    interactionsUrl: null,
    guilds: [guildId],
    sessionsLeft: 999,
  };
  const channels = [roomId, threadId, directId, hiddenId, silentId];

  async function answer(request: FakeRequest): Promise<FakeAnswer> {
    const { method, url, headers } = request;
    if (url.pathname.startsWith('/attachments/')) return serveFile(request);
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (path[0] !== 'api' || path[1] !== 'v10') return refuse(404, 0, '404: Not Found');
    if (!userAgent.test(headers['user-agent'] ?? '')) return { status: 403, body: 'error code: 1010' };
    const [resource, id = '', part, second, ...rest] = path.slice(2);
    if (resource === 'interactions') return respond(request, id, second);
    if (headers.authorization !== `Bot ${botToken}`) return unauthorized;
    switch (`${method} ${resource}/${id}`) {
      case 'GET users/@me':
        return part === 'guilds' ? json(app.guilds.map((guild) => ({ id: guild, name: 'Ours' }))) : json(us);
      case 'GET applications/@me':
        return json({
          id: us.id,
          name: 'nightshift',
          flags: app.flags,
          interactions_endpoint_url: app.interactionsUrl,
        });
      case 'GET gateway/bot':
        return json({
          url: fake.url.replace('http:', 'ws:'),
          shards: 1,
          session_start_limit: {
            total: 1000,
            remaining: app.sessionsLeft,
            reset_after: 14_400_000,
            max_concurrency: 1,
          },
        });
      case `GET guilds/${guildId}`:
        return json([
          { id: guildId, name: '@everyone' },
          { id: botRoleId, name: 'nightshift', managed: true, tags: { bot_id: us.id } },
        ]);
    }
    if (resource !== 'channels') return refuse(404, 0, '404: Not Found');
    if (!channels.includes(id)) return refuse(404, 10003, 'Unknown Channel');
    if (id === hiddenId) return refuse(403, 50001, 'Missing Access');
    if (method === 'GET' && !part)
      return json(
        id === threadId
          ? { id, type: 11, parent_id: roomId, name: 'Plans' }
          : id === directId
            ? { id, type: 1 }
            : { id, type: 0, name: id === roomId ? 'sales' : 'other', parent_id: null },
      );
    if (id === silentId) return refuse(403, 50013, 'Missing Permissions');
    if (method === 'POST' && part === 'typing') {
      typing.push(id);
      return done;
    }
    if (method === 'POST' && part === 'messages' && !second) return create(request, id);
    if (part !== 'messages' || !second) return refuse(405, 0, '405: Method Not Allowed');
    const message = messages.find((each) => each.id === second && each.channel_id === id);
    if (!message) return refuse(404, 10008, 'Unknown Message');
    if (method === 'GET') return json(message);
    if (method === 'PATCH') return edit(request, message);
    if (method === 'PUT' && rest[0] === 'reactions' && rest[2] === '@me') {
      if (!/^\p{RGI_Emoji}$/v.test(rest[1] ?? '')) return refuse(400, 10014, 'Unknown Emoji');
      reactions.push(`${message.id} ${rest[1]}`);
      return done;
    }
    return refuse(405, 0, '405: Method Not Allowed');
  }

  async function create(request: FakeRequest, channelId: string): Promise<FakeAnswer> {
    const type = request.headers['content-type'] ?? '';
    const form = type.startsWith('multipart/form-data')
      ? await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData()
      : null;
    if (!form && type !== 'application/json') return refuse(400, 50035, 'Invalid Form Body');
    const parsed = Created.safeParse(
      JSON.parse(form ? String(form.get('payload_json')) : request.body.toString()),
    );
    if (!parsed.success) return refuse(400, 50035, 'Invalid Form Body', parsed.error.issues);
    const { content = '', nonce, attachments = [], ...more } = parsed.data;
    const uploads = attachments.map(({ id, filename }) => ({ filename, file: form?.get(`files[${id}]`) }));
    if (uploads.some(({ file }) => !(file instanceof File))) return refuse(400, 50035, 'Invalid Form Body');
    if (uploads.some(({ file }) => (file as File).size > maxFileBytes))
      return refuse(413, 40005, 'Request entity too large');
    if (content.trim() === '' && uploads.length === 0)
      return refuse(400, 50006, 'Cannot send an empty message');
    const before = messages.find((message) => message.nonce === nonce && message.channel_id === channelId);
    if (before) return json(before);
    const message: FakeMessage = {
      id: newSnowflake(),
      channel_id: channelId,
      type: more.message_reference ? 19 : 0,
      author: us,
      content,
      nonce,
      ...more,
      attachments: await Promise.all(
        uploads.map(async ({ filename, file }) => ({
          id: newSnowflake(),
          filename,
          content_type: (file as File).type,
          size: (file as File).size,
          url: `${fake.url}/attachments/${filename}`,
          bytes: Buffer.from(await (file as File).arrayBuffer()).toString('base64'),
        })),
      ),
    };
    messages.push(message);
    return json(message);
  }

  function edit({ body }: FakeRequest, message: FakeMessage): FakeAnswer {
    const parsed = Edited.safeParse(JSON.parse(body.toString()));
    if (!parsed.success) return refuse(400, 50035, 'Invalid Form Body', parsed.error.issues);
    Object.assign(message, parsed.data);
    return json(message);
  }

  /** It takes the interaction's token, and wants no other. */
  function respond({ method, body }: FakeRequest, id: string, last: string | undefined): FakeAnswer {
    if (method !== 'POST' || last !== 'callback') return refuse(404, 0, '404: Not Found');
    if (JSON.parse(body.toString()).type !== 6) return refuse(400, 50035, 'Invalid Form Body');
    if (acknowledged.includes(id)) return refuse(400, 40060, 'Interaction has already been acknowledged');
    acknowledged.push(id);
    return done;
  }

  function serveFile({ url, headers }: FakeRequest): FakeAnswer {
    // The token is nobody's business there.
    if (headers.authorization) return { status: 400, body: 'the CDN takes no token' };
    const data = files.get(url.pathname + url.search);
    if (!data) return { status: 404, body: 'This content is no longer available.' };
    return { status: 200, headers: { 'content-type': 'image/png' }, body: data };
  }

  const fake = await startFakeHttp(answer);
  const gateway = serveGateway(fake.server, us, () => fake.url.replace('http:', 'ws:'));
  // What somebody asked, so that there is something to answer and to react to.
  messages.push({
    id: '1170481735862157300',
    channel_id: roomId,
    type: 0,
    author: ann,
    content: 'Hello?',
    attachments: [],
  });
  return {
    ...fake,
    gateway,
    messages,
    typing,
    reactions,
    acknowledged,
    files,
    app,
    async shut() {
      gateway.close();
      await fake.shut();
    },
    async close() {
      gateway.close();
      await fake.close();
    },
  };
}
