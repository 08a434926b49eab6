/** The other end of Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode */
import type { Server } from 'node:http';
import { vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

export interface SlackSockets {
  /** Connections that stand, oldest first. */
  readonly open: WebSocket[];
  /** How many there have been. */
  count(): number;
  /** Envelopes that were acknowledged, in order. */
  readonly acked: string[];
  /** Sends an envelope over the newest connection, or over `socket`. @returns its id */
  deliver(type: string, payload: unknown, socket?: WebSocket): string;
  /** The same, and again over whatever connection there is by then, until it is acknowledged: as Slack does it. */
  deliverSurely(type: string, payload: unknown): Promise<void>;
  /** Any frame, over the newest connection. */
  send(frame: unknown): void;
}

export function serveSockets(server: Server, path: string): SlackSockets {
  const open: WebSocket[] = [];
  const acked: string[] = [];
  let count = 0;
  let envelopes = 0;
  const sockets = new WebSocketServer({ server, path });
  sockets.on('connection', (socket) => {
    count += 1;
    open.push(socket);
    socket.on('close', () => open.splice(open.indexOf(socket), 1));
    socket.on('message', (data) => acked.push(JSON.parse(String(data)).envelope_id));
    socket.send(
      JSON.stringify({ type: 'hello', num_connections: open.length, connection_info: { app_id: 'A0APP' } }),
    );
  });
  function deliver(type: string, payload: unknown, socket = open.at(-1)): string {
    envelopes += 1;
    const id = `envelope-${envelopes}`;
    socket!.send(
      JSON.stringify({ type, envelope_id: id, accepts_response_payload: type !== 'events_api', payload }),
    );
    return id;
  }

  return {
    open,
    acked,
    count: () => count,
    deliver,
    async deliverSurely(type, payload) {
      for (let id = ''; !acked.includes(id); ) {
        await vi.waitUntil(() => open.length > 0, { timeout: 60_000 });
        const socket = open.at(-1)!;
        id = deliver(type, payload, socket);
        await vi.waitUntil(() => acked.includes(id) || !open.includes(socket), { timeout: 60_000 });
      }
    },
    send: (frame) => open.at(-1)!.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
  };
}
