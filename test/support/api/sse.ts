/** Reads server-sent events as they come. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { Client } from './client.ts';

export interface SseEvent {
  id: string | undefined;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: events of every shape
  data: any;
}

export interface EventStream extends AsyncIterable<SseEvent> {
  response: Response;
  /** Goes away, as a client that closes its window does. */
  leave(): void;
}

export function openEvents(
  client: Client,
  runId: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const authorization = `Bearer ${client.key}`;
  return openStream(`${client.url}/v1/runs/${runId}/events`, { authorization, ...headers });
}

export async function openStream(address: string, headers: Record<string, string>): Promise<EventStream> {
  const controller = new AbortController();
  const response = await fetch(address, { headers, signal: controller.signal });
  return {
    response,
    leave: () => controller.abort(),
    async *[Symbol.asyncIterator]() {
      let text = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const frames = (text + chunk).split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) {
          const event = parseFrame(frame);
          if (event) yield event;
        }
      }
    },
  };
}

/** Null for a comment. */
function parseFrame(frame: string): SseEvent | null {
  const fields = new Map(
    frame.split('\n').map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
    }),
  );
  const data = fields.get('data');
  if (data === undefined) return null;
  return { id: fields.get('id'), event: fields.get('event') ?? 'message', data: JSON.parse(data) };
}

/** All events until the stream ends. */
export async function readEvents(client: Client, runId: string, headers?: Record<string, string>) {
  return Array.fromAsync(await openEvents(client, runId, headers));
}
