/**
 * The events of a streamed answer, each parsed from JSON. The SDKs decode streams too, but pass every chunk through
 * five generators and a race, and skip what the other one accepts; this is the path that every token takes.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { ModelError } from './provider.ts';

/** How long a server may take to end a response whose last event has come. */
const END_MS = 1000;

/** No answer is that long: who sends more will not stop. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Longest event, in UTF-16 code units. The last one of some wires holds the whole answer again. */
const MAX_EVENT = 16 * 1024 * 1024;

/**
 * @param onDone called at `[DONE]`
 *
 * Ends after `[DONE]` or after the event that `isLast` recognises, whether or not the server ends the response.
 * @throws {ModelError} server, when there is no end to it; {SyntaxError} at an event that is no JSON; whatever `fetch` throws when the connection breaks.
 */
export async function* serverSentEvents<Event>(
  response: Response,
  isLast?: (event: Event) => boolean,
  onDone?: () => void,
): AsyncGenerator<Event, void, undefined> {
  if (!response.body) return;
  const reader: ByteReader = response.body.getReader();
  const decoder = new TextDecoder();
  /** What came after the last line end. */
  let rest = '';
  let data: string | null = null;
  let isError = false;
  let complete = false;
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      if (bytes > MAX_BYTES)
        throw new ModelError('server', `The endpoint sent more than ${MAX_BYTES >> 20} MB and did not stop.`);
      const text = decoder.decode(value, { stream: true });
      rest += text;
      if (rest.length + (data?.length ?? 0) > MAX_EVENT)
        throw new ModelError('server', `The endpoint sent an event of more than ${MAX_EVENT >> 20} MB.`);
      // A chunk in the middle of a long line: nothing to do yet.
      if (!text.includes('\n')) continue;
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === '' || line === '\r') {
          if (data?.trimEnd() === '[DONE]') {
            complete = true;
            onDone?.();
            return;
          }
          if (data !== null && data !== '') {
            const event = named<Event>(JSON.parse(data), isError);
            complete = isLast?.(event) === true;
            yield event;
            if (complete) return;
          }
          data = null;
          isError = false;
        } else if (line.startsWith('data:')) {
          data = data === null ? fieldValue(line) : `${data}\n${fieldValue(line)}`;
        } else if (line.startsWith('event:')) {
          isError = line.slice(6).trim() === 'error';
        }
      }
    }
    complete = true;
    if (rest.startsWith('data:')) data = data === null ? fieldValue(rest) : `${data}\n${fieldValue(rest)}`;
    // Some servers leave out the blank line after the last event; but one that broke off is no event.
    if (data?.trimEnd() === '[DONE]') onDone?.();
    const last = data === null ? null : parseOrNull<Event>(data);
    if (last !== null) yield named(last, isError);
  } finally {
    if (complete) drain(reader);
    else reader.cancel().catch(() => undefined);
  }
}

/** An event that is called `error` is one, whatever is in it. */
function named<Event>(event: Event, isError: boolean): Event {
  if (!isError || (typeof event === 'object' && event !== null && ('error' in event || 'type' in event)))
    return event;
  return { error: event } as Event;
}

type ByteReader = ReadableStreamDefaultReader<Uint8Array>;

function fieldValue(line: string): string {
  return line.slice(line[5] === ' ' ? 6 : 5, line.endsWith('\r') ? -1 : undefined);
}

function parseOrNull<Event>(data: string): Event | null {
  try {
    return JSON.parse(data) as Event;
  } catch {
    return null;
  }
}

/** Reads the end of the response in the background: a socket that was read to its end serves the next call. */
async function drain(reader: ByteReader): Promise<void> {
  const timer = setTimeout(() => reader.cancel().catch(() => undefined), END_MS);
  timer.unref();
  try {
    while (!(await reader.read()).done);
  } catch {
    // The connection broke after the answer was complete: nobody misses it.
  } finally {
    clearTimeout(timer);
  }
}
