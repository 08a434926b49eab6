/** The gateway as documented, https://docs.discord.com/developers/events/gateway: one shard, JSON, no compression. */
import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { type bot, botToken } from './world.ts';

const opcodes = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  resume: 6,
  reconnect: 7,
  invalidSession: 9,
  hello: 10,
  ack: 11,
};

const messageContent = 1 << 15;

export interface FakeGateway {
  /** Greeted and identified, or resumed, now. */
  readonly open: WebSocket[];
  /** How many sockets, sessions and resumptions there have been. */
  readonly counts: { sockets: number; identified: number; resumed: number };
  /** The codes that the bot has closed with. */
  readonly closes: number[];
  readonly heartbeats: (number | null)[];
  /** What a test may change. */
  readonly rules: {
    messageContent: boolean;
    heartbeatMs: number;
    resumable: boolean;
    greets: boolean;
    closeOnIdentify?: number;
  };
  /** In the session, and over the socket if there is one; otherwise it waits to be resumed. @returns its sequence */
  dispatch(type: string, data: unknown): number;
  /** A frame as it is. */
  send(frame: object): void;
  /** Breaks off without a word. */
  drop(): void;
  closeWith(code: number): void;
  close(): void;
}

interface Session {
  id: string;
  sequence: number;
  sent: { t: string; s: number; d: unknown }[];
}

/** `us`: the bot of the token. */
export function serveGateway(server: Server, us: typeof bot, resumeUrl: () => string): FakeGateway {
  const open: WebSocket[] = [];
  const counts = { sockets: 0, identified: 0, resumed: 0 };
  const closes: number[] = [];
  const heartbeats: (number | null)[] = [];
  const rules: FakeGateway['rules'] = {
    messageContent: true,
    heartbeatMs: 45_000,
    resumable: true,
    greets: true,
  };
  let session: Session | undefined;
  // A gateway that is no longer there, as the address of an old session may be.
  server.prependListener('upgrade', ({ url }, socket) => {
    if (url?.startsWith('/gone')) socket.destroy();
  });
  const sockets = new WebSocketServer({ server });

  const say = (socket: WebSocket, frame: object) =>
    socket.send(JSON.stringify({ s: null, t: null, ...frame }));

  function dispatch(type: string, data: unknown): number {
    if (!session) throw new Error('There is no session to dispatch to.');
    session.sequence += 1;
    const event = { t: type, s: session.sequence, d: data };
    session.sent.push(event);
    const [socket] = open;
    if (socket) say(socket, { op: opcodes.dispatch, ...event });
    return event.s;
  }

  sockets.on('connection', (socket, { url }) => {
    counts.sockets += 1;
    const { searchParams } = new URL(url ?? '', 'ws://fake');
    if (searchParams.get('v') !== '10' || searchParams.get('encoding') !== 'json') return socket.close(4012);
    socket.on('close', (code) => {
      if (open.includes(socket)) open.splice(open.indexOf(socket), 1);
      closes.push(code);
      // https://docs.discord.com/developers/events/gateway#initiating-a-disconnect
      if (code === 1000 || code === 1001) session = undefined;
    });
    socket.on('message', (data) => {
      const { op, d } = JSON.parse(String(data));
      if (op === opcodes.heartbeat) {
        heartbeats.push(d);
        return say(socket, { op: opcodes.ack });
      }
      if (op === opcodes.identify) return identify(socket, d);
      if (op === opcodes.resume) return resume(socket, d);
      socket.close(4001);
    });
    if (rules.greets) say(socket, { op: opcodes.hello, d: { heartbeat_interval: rules.heartbeatMs } });
  });

  // biome-ignore lint/suspicious/noExplicitAny: what a client sends may be anything
  function identify(socket: WebSocket, d: any): void {
    counts.identified += 1;
    const refused = rules.closeOnIdentify ?? refusalOf(d, rules);
    if (refused) {
      socket.close(refused);
      return;
    }
    session = { id: `session-${counts.identified}`, sequence: 0, sent: [] };
    open.unshift(socket);
    dispatch('READY', {
      v: 10,
      user: us,
      guilds: [],
      session_id: session.id,
      resume_gateway_url: resumeUrl(),
      shard: [0, 1],
      application: { id: us.id, flags: 1 << 19 },
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: what a client sends may be anything
  function resume(socket: WebSocket, d: any): void {
    if (d?.token !== botToken) socket.close(4004);
    else if (!rules.resumable || d.session_id !== session?.id)
      say(socket, { op: opcodes.invalidSession, d: false });
    else if (!(d.seq >= 0 && d.seq <= session!.sequence)) socket.close(4007);
    else {
      counts.resumed += 1;
      open.unshift(socket);
      for (const event of session!.sent) if (event.s > d.seq) say(socket, { op: opcodes.dispatch, ...event });
      dispatch('RESUMED', {});
    }
  }

  return {
    open,
    counts,
    closes,
    heartbeats,
    rules,
    dispatch,
    send: (frame) => say(open[0]!, frame),
    drop() {
      for (const socket of [...open]) socket.terminate();
    },
    closeWith(code) {
      for (const socket of [...open]) socket.close(code);
    },
    close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

/** @returns the code that it is closed with: https://docs.discord.com/developers/events/gateway-events#identify */
// biome-ignore lint/suspicious/noExplicitAny: what a client sends may be anything
function refusalOf(d: any, { messageContent: isAllowed }: FakeGateway['rules']): number | undefined {
  if (d?.token !== botToken) return 4004;
  if (!d.properties?.os || !d.properties.browser || !d.properties.device) return 4002;
  if (!Number.isInteger(d.intents)) return 4013;
  if (d.intents & messageContent && !isAllowed) return 4014;
  if (d.shard?.[1] !== 1) return 4010;
  return undefined;
}
