/** Slack on loopback: it checks what it is sent against the vendor's documentation, and shows what people would see. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { scopes } from '@nightshift/channels/slack';
import type { Reaction } from '../channel/index.ts';
import { type SlackSockets, serveSockets } from './socket.ts';
import { bot, methods, SlackError, type Workspace } from './workspace.ts';

export const tokens = { bot: 'xoxb-1-bot', app: 'xapp-1-app', secret: '8f742231b10e8888abcd99yyyzzz85a5' };

export interface FakeSlack extends Omit<Workspace, 'granted'> {
  /** Ends in `/api/`. */
  readonly url: string;
  readonly origin: string;
  /** Methods that were called, paths that were asked for, in order. */
  readonly calls: string[];
  readonly sockets: SlackSockets;
  /** What the bot's token may do. */
  granted: string[];
  /** Instead of what is right, from now on. Undefined: what is right. */
  react(how: ((path: string) => Reaction | undefined) | undefined): void;
  shut(): Promise<void>;
  /** Where it was, after `shut`. */
  open(): Promise<void>;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** `us`: the app of the token. */
export async function startFakeSlack(us = bot): Promise<FakeSlack> {
  const server = createServer((request, response) => void serve(request, response));
  const sockets = serveSockets(server, '/link');
  const workspace: Workspace = {
    us,
    messages: [],
    statuses: new Map(),
    uploads: new Map(),
    files: new Map(),
    granted: () => fake.granted,
  };
  const calls: string[] = [];
  let reaction: ((path: string) => Reaction | undefined) | undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', fake.origin).pathname.replace(/^\/api\//, '');
    calls.push(path);
    const body = await bodyOf(request);
    const how = reaction?.(path);
    if (how === 'hang') return;
    if (how === 'drop') return void request.socket.destroy();
    if (how) return void response.writeHead(how.status, how.headers).end(how.body);
    if (path.startsWith('/upload/')) return takeUpload(path, body, response);
    if (path.startsWith('/files-pri/')) return giveFile(path, request, response);
    const json = (answer: object) =>
      response
        .writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          'x-oauth-scopes': fake.granted.join(','),
        })
        .end(JSON.stringify(answer));
    try {
      json({ ok: true, ...answerTo(path, request, body) });
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      json({ ok: false, error: error.code, ...error.more });
    }
  }

  function answerTo(path: string, { method, headers }: IncomingMessage, body: Buffer): object {
    const token = headers.authorization?.replace(/^Bearer /, '');
    if (!token) throw new SlackError('not_authed');
    if (path === 'apps.connections.open') {
      if (token !== tokens.app) throw new SlackError('invalid_auth');
      return { url: `${fake.origin.replace('http', 'ws')}/link?ticket=${calls.length}` };
    }
    if (token !== tokens.bot) throw new SlackError('invalid_auth');
    const called = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (!called) throw new SlackError('unknown_method');
    if (method !== 'POST' || !headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      throw new SlackError('invalid_post_type');
    if (called.scope && !fake.granted.includes(called.scope))
      throw new SlackError('missing_scope', { needed: called.scope, provided: fake.granted.join(',') });
    const args = Object.fromEntries(new URLSearchParams(body.toString()));
    const names = [...called.required, ...(called.optional ?? [])];
    if (Object.keys(args).some((name) => !names.includes(name))) throw new SlackError('invalid_arg_name');
    if (called.required.some((name) => !args[name])) throw new SlackError('invalid_arguments');
    return called.run(args, workspace, fake.origin);
  }

  function takeUpload(path: string, body: Buffer, response: ServerResponse): void {
    const upload = workspace.uploads.get(path.slice('/upload/v1/'.length));
    if (upload?.length !== body.length) return void response.writeHead(400).end();
    upload.data = body;
    response.writeHead(200).end(`OK - ${body.length}`);
  }

  /** Strangers are shown the way to the page for signing in, as Slack does it. */
  function giveFile(path: string, { headers }: IncomingMessage, response: ServerResponse): void {
    const file = workspace.files.get(path.split('/')[2] ?? '');
    const mayRead = headers.authorization === `Bearer ${tokens.bot}` && fake.granted.includes('files:read');
    if (!mayRead) return void response.writeHead(302, { location: 'https://acme.slack.com/' }).end();
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file.mediaType }).end(file.data);
  }

  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const shut = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets.open) socket.terminate();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const fake: FakeSlack = {
    ...workspace,
    url: `${origin}/api/`,
    origin,
    calls,
    sockets,
    granted: Object.keys(scopes),
    react(how) {
      reaction = how;
    },
    shut,
    open: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve()),
  };
  return fake;
}
