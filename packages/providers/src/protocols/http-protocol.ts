/** What all wires over HTTP have in common: one request, a stream of events, and a failure that is an event, too. */
import { createClientCache } from '../client-cache.ts';
import { abortedError, toModelError } from '../errors.ts';
import type { Endpoint, ModelCall, ModelError, ModelEvent, Protocol } from '../provider.ts';
import { startOf } from '../rate-limit.ts';
import { serverSentEvents } from '../server-sent-events.ts';
import type { ToolNames } from '../tool-names.ts';
import { findHttpFailure } from '../transport.ts';
import { createReportReader } from '../vendor-report.ts';

export interface Wire<Client, Body, WireEvent> {
  /** The vendor's SDK, kept per endpoint. */
  createClient(endpoint: Endpoint): Promise<Client>;
  body(call: ModelCall, endpoint: Endpoint): { body: Body; names: ToolNames };
  send(client: Client, body: Body, signal: AbortSignal): Promise<Response>;
  createReader(call: ModelCall, endpoint: Endpoint, names: ToolNames, body: Body): Reader<WireEvent, Body>;
  /** Whether nothing follows the event, so that the response need not be read on. */
  isLast?(event: WireEvent): boolean;
  /** The answer of a server that ignores `stream: true`, as events; null when the body is none. */
  wholeAnswer?(body: unknown): WireEvent[] | null;
}

/** Turns one answer's events into ours. */
export interface Reader<WireEvent, Body = never> {
  /** Whether the finish marker was seen. What fails after it cannot hurt the answer. */
  readonly finished: boolean;
  /** @throws {ModelError} for an error in the stream; anything at an event that makes no sense */
  read(event: WireEvent): Iterable<ModelEvent>;
  /** `[DONE]` has come. */
  done?(): void;
  /**
   * The stream has ended, and the answer goes on with that request; null: it does not. It is not asked for
   * ever.
   */
  goOn?(): Body | null;
  /** The stream has ended. The last event is `done`, or `error` without the finish marker. */
  end(): Iterable<ModelEvent>;
  failed(error: ModelError): ModelEvent;
}

export function createHttpProtocol<Client, Body, WireEvent>(wire: Wire<Client, Body, WireEvent>): Protocol {
  const clientFor = createClientCache(wire.createClient);

  return {
    async *stream(call, endpoint, signal) {
      let reader: Reader<WireEvent, Body> | null = null;
      const report = createReportReader(call.model, endpoint);
      let streaming = false;
      try {
        signal.throwIfAborted();
        const { body, names } = wire.body(call, endpoint);
        reader = wire.createReader(call, endpoint, names, body);
        const client = await clientFor(endpoint);
        for (let next: Body | null = body; next !== null; next = reader.goOn?.() ?? null) {
          const { headers, events } = await answerOf(wire, client, next, signal, () => reader?.done?.());
          if (!streaming) yield startOf(headers);
          streaming = true;
          for await (const wireEvent of events) {
            report.read(wireEvent);
            // Not `yield*`: over a sync iterable it costs an extra promise an event.
            for (const event of reader.read(wireEvent)) yield event;
          }
        }
      } catch (error) {
        if (!reader?.finished) {
          const failure = signal.aborted ? abortedError() : toModelError(error, endpoint, streaming);
          yield report.attach(reader?.failed(failure) ?? failedBefore(failure));
          return;
        }
      }
      for (const event of reader.end()) yield report.attach(event);
    },
  };
}

async function answerOf<Client, Body, WireEvent>(
  wire: Wire<Client, Body, WireEvent>,
  client: Client,
  body: Body,
  signal: AbortSignal,
  onDone: () => void,
): Promise<{ headers: Headers; events: AsyncIterable<WireEvent> | WireEvent[] }> {
  try {
    const response = await wire.send(client, body, signal);
    return { headers: response.headers, events: serverSentEvents<WireEvent>(response, wire.isLast, onDone) };
  } catch (error) {
    const failure = findHttpFailure(error);
    const events = failure && failure.status < 300 ? wire.wholeAnswer?.(parseOrNull(failure.body)) : null;
    if (!failure || !events) throw error;
    return { headers: failure.headers, events };
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failedBefore(error: ModelError): ModelEvent {
  return { type: 'error', error, partial: { role: 'assistant', content: [] }, usage: null };
}
