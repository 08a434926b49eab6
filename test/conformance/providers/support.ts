/** What the provider conformance tests share. */
import type { AssistantMessage, ModelMessage, ToolSpec } from '@nightshift/contracts';
import {
  type Compat,
  createProtocols,
  type Endpoint,
  type ModelCall,
  type ModelEvent,
  type WireName,
} from '@nightshift/providers';
import type { ModelServer, Step } from '../../support/model-server/index.ts';

export const protocols = createProtocols();

/** Of no vendor's form, so that only the exact key can be recognised in an error. */
export const apiKey = 'T0p/s3cret+0123456789.abcdef';

/** The wires that go over HTTP: every case runs on each. */
export const wires = ['openai-chat', 'openai-responses', 'anthropic-messages'] as const satisfies WireName[];
export type Wire = (typeof wires)[number];

export function endpointFor(server: ModelServer, wire: Wire, compat: Compat = {}): Endpoint {
  const baseUrl = wire === 'anthropic-messages' ? server.url : server.openaiUrl;
  return { provider: `test-${wire}`, wire, baseUrl, apiKey, compat };
}

export const demoEndpoint: Endpoint = {
  provider: 'demo',
  wire: 'demo',
  baseUrl: '',
  apiKey: null,
  compat: {},
};

export const tools: ToolSpec[] = [
  {
    name: 'time.now',
    description: 'The time.',
    parameters: { type: 'object', properties: { timezone: { type: 'string' } } },
  },
  {
    name: 'notes.write',
    description: 'Keeps a note.',
    parameters: { type: 'object', properties: { name: { type: 'string' }, text: { type: 'string' } } },
  },
];

/** What people send along. The bytes are not what they say: nobody looks into them. */
export const attachments = {
  image: { type: 'image', mediaType: 'image/png', data: 'aW1hZ2U=' },
  pdf: { type: 'file', mediaType: 'application/pdf', name: 'report.pdf', data: 'cGRm' },
  csv: { type: 'file', mediaType: 'text/csv', name: 'prices.csv', data: btoa('apple,1') },
  docx: { type: 'file', mediaType: 'application/msword', name: 'letter.doc', data: 'ZG9j' },
  audio: { type: 'audio', mediaType: 'audio/mpeg', data: 'bXAz' },
} as const;

export function user(text: string): ModelMessage {
  return { role: 'user', content: [{ type: 'text', text }] };
}

export function callOf(text: string, more: Partial<ModelCall> = {}): ModelCall {
  return { model: 'test-model', messages: [user(text)], ...more };
}

/** A stream of exactly these events; `[DONE]` stands for itself. */
export const stream = (...events: (object | '[DONE]')[]): Step => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events
    .map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
    .join(''),
});

export interface Heard {
  events: ModelEvent[];
  types: string[];
  text: string;
  thinking: string;
  /** Exactly one, the last. */
  end: Extract<ModelEvent, { type: 'done' | 'error' }>;
}

/** Reads a stream to its end, and holds it to the port's promises about order. */
export async function listen(
  call: ModelCall,
  endpoint: Endpoint,
  signal = new AbortController().signal,
): Promise<Heard> {
  const events: ModelEvent[] = [];
  for await (const event of protocols[endpoint.wire].stream(call, endpoint, signal)) events.push(event);
  return checkOrder(events);
}

export function checkOrder(events: ModelEvent[]): Heard {
  const ends = events.filter((event) => event.type === 'done' || event.type === 'error');
  if (ends.length !== 1 || events.at(-1) !== ends[0]) {
    throw new Error(`a stream ends with exactly one done or error: ${events.map((event) => event.type)}`);
  }
  const open = new Set<string>();
  let text = '';
  let thinking = '';
  for (const event of events) {
    if (event.type === 'text') text += event.delta;
    if (event.type === 'thinking') thinking += event.delta;
    if (event.type === 'toolStart') {
      if (open.has(event.id)) throw new Error(`tool call ${event.id} started twice`);
      open.add(event.id);
    }
    if (event.type === 'toolDelta' || event.type === 'toolEnd') {
      if (!open.has(event.id)) throw new Error(`${event.type} of a call that is not open: ${event.id}`);
    }
    if (event.type === 'toolEnd') open.delete(event.id);
  }
  const end = ends[0] as Heard['end'];
  if (end.type === 'done' && open.size > 0) throw new Error(`done with open tool calls: ${[...open]}`);
  return { events, types: events.map((event) => event.type), text, thinking, end };
}

/** The message of a stream that must have ended well. */
export function messageOf(heard: Heard): AssistantMessage {
  if (heard.end.type === 'error') throw heard.end.error;
  return heard.end.message;
}

/** The error of a stream that must have failed. */
export function errorOf(heard: Heard) {
  if (heard.end.type === 'done') throw new Error('the stream was expected to fail');
  return heard.end.error;
}
