/** One recorded answer of each wire, broken off after every one of its bytes. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, errorOf, listen, messageOf, tools, type Wire, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => {
  server.reset();
  vi.unstubAllGlobals();
});
afterAll(() => server.close());

const answer: Step = {
  thinking: 'Hm.',
  signature: 'sig1',
  text: 'Grüße 👋',
  toolCalls: [
    { id: 'call_A', name: 'time.now', arguments: { timezone: 'UTC' } },
    { id: 'call_B', name: 'notes.write', arguments: { name: 'ü', text: '👋' } },
  ],
};

/** What is in the event that says that the answer is complete. */
const markers: Record<Wire, string> = {
  'openai-chat': '"finish_reason":"tool_calls"',
  'openai-responses': '"type":"response.completed"',
  'anthropic-messages': '"type":"message_stop"',
};

describe.each(wires)('%s', (wire) => {
  const hear = () => listen(callOf('go', { tools }), endpointFor(server, wire));

  /** The answer's bytes as they came over the socket, and what became of them. */
  async function record() {
    let recorded = Buffer.alloc(0);
    const { fetch } = globalThis;
    vi.stubGlobal('fetch', async (...args: Parameters<typeof fetch>) => {
      const response = await fetch(...args);
      recorded = Buffer.from(await response.arrayBuffer());
      return new Response(recorded, response);
    });
    server.script([answer]);
    const whole = messageOf(await hear());
    return { recorded, whole };
  }

  // Breaking off is like ending, but for the last event: so every byte there.
  it.each([
    { how: 'ends', step: 1 },
    { how: 'breaks', step: 7 },
  ] as const)('is complete, or truncated, wherever the stream $how', async ({ how, step }) => {
    const { recorded, whole } = await record();
    const frames = recorded.toString().split('\n\n');
    const last = frames.findIndex((frame) => frame.includes(markers[wire]));
    const marked = Buffer.byteLength(frames.slice(0, last + 1).join('\n\n'));
    // An event that is followed by the end of the stream needs no blank line.
    const complete = how === 'ends' ? marked : marked + 2;
    expect(recorded.length).toBeGreaterThan(complete - 1);
    const wholeText = JSON.stringify(whole);
    const calls = new Set(
      whole.content.filter(({ type }) => type === 'toolCall').map((part) => JSON.stringify(part)),
    );
    expect(calls.size).toBe(2);

    let sent = recorded;
    // No expect() in the loop: it would take most of the time.
    vi.stubGlobal('fetch', async () => streamOf(sent, how));
    for (let bytes = 0; bytes <= recorded.length; bytes += bytes < marked - 20 ? step : 1) {
      sent = recorded.subarray(0, bytes);
      const { end } = await hear();
      const where = `after ${bytes} of ${complete} bytes`;
      if (bytes >= complete) {
        if (end.type === 'error' || JSON.stringify(end.message) !== wholeText)
          throw new Error(`not whole ${where}`);
        continue;
      }
      if (end.type === 'done' || end.error.kind !== 'truncated') throw new Error(`${end.type} ${where}`);
      for (const part of end.partial.content) {
        if (part.type === 'toolCall' && !calls.has(JSON.stringify(part)))
          throw new Error(`half a tool call ${where}: ${JSON.stringify(part)}`);
      }
    }
  });

  it.each(['end', 'cut'] as const)('is truncated over a socket, too (%s)', async (how) => {
    const { recorded } = await record();
    vi.unstubAllGlobals();
    const step = Math.ceil(recorded.length / 12);
    for (let bytes = 0; bytes < recorded.length * 0.6; bytes += step) {
      server.script([{ ...answer, truncate: { bytes, how } }]);
      expect(['truncated', 'network']).toContain(errorOf(await hear()).kind);
    }
  });
});

function streamOf(bytes: Uint8Array, how: 'ends' | 'breaks'): Response {
  const body = new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      if (how === 'ends') controller.close();
    },
    pull(controller) {
      controller.error(new TypeError('terminated', { cause: new Error('other side closed') }));
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
}
