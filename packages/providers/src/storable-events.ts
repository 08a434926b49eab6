/**
 * What a model and its vendor say, washed where it enters: the journal, the ledger and the events of a run are stored in
 * PostgreSQL, which refuses NUL characters and halves of surrogate pairs. The router passes every protocol's events
 * through here, so a protocol need not think of it.
 */
import { type AssistantMessage, cutText, isTooDeep, StorableStream, storable } from '@nightshift/contracts';
import type { ModelEvent } from './provider.ts';

/** Of a model's name as the vendor gives it, in UTF-16 code units. */
const MAX_MODEL_NAME = 200;

/** Washes the events of one answer, in order. A piece of text that ends in half of a surrogate pair waits for the next. */
export function createEventWasher(): (event: ModelEvent) => readonly ModelEvent[] {
  /** The text or the thinking that comes in now. */
  let said: { type: 'text' | 'thinking'; stream: StorableStream } | null = null;
  const calls = new Map<string, StorableStream>();

  const endSaid = (): ModelEvent[] => {
    const rest = said?.stream.end();
    const ended: ModelEvent[] = rest ? [{ type: said!.type, delta: rest }] : [];
    said = null;
    return ended;
  };
  const endCall = (id: string): ModelEvent[] => {
    const rest = calls.get(id)?.end();
    calls.delete(id);
    return rest ? [{ type: 'toolDelta', id, delta: rest }] : [];
  };

  return (event) => {
    switch (event.type) {
      case 'text':
      case 'thinking': {
        const ended = said?.type === event.type ? [] : endSaid();
        said ??= { type: event.type, stream: new StorableStream() };
        const delta = said.stream.next(event.delta);
        if (delta === event.delta && ended.length === 0) return [event];
        return delta === '' ? ended : [...ended, { type: event.type, delta }];
      }
      case 'toolStart':
        return [...endSaid(), storable(event)];
      case 'toolDelta': {
        const id = storable(event.id);
        const stream = calls.get(id) ?? new StorableStream();
        calls.set(id, stream);
        const delta = stream.next(event.delta);
        return delta === '' ? [] : [{ type: 'toolDelta', id, delta }];
      }
      case 'toolEnd': {
        const id = storable(event.id);
        return [...endCall(id), { type: 'toolEnd', id }];
      }
      case 'done':
      case 'error':
        return [...endSaid(), ...[...calls.keys()].flatMap(endCall), washEnd(event)];
      default:
        return [event];
    }
  };
}

function washEnd(event: Extract<ModelEvent, { type: 'done' | 'error' }>): ModelEvent {
  const model = event.report?.model;
  const washed =
    model === undefined
      ? event
      : { ...event, report: { ...event.report, model: cutText(storable(model), MAX_MODEL_NAME) } };
  return washed.type === 'done'
    ? { ...washed, message: washMessage(washed.message) }
    : { ...washed, partial: washMessage(washed.partial) };
}

function washMessage({ role, content }: AssistantMessage): AssistantMessage {
  return { role, content: content.map((part) => storable(withoutTooDeep(part))) };
}

/** A call whose arguments nest too deep to be kept must not run with a part of them. */
function withoutTooDeep(part: AssistantMessage['content'][number]): AssistantMessage['content'][number] {
  if (part.type !== 'toolCall' || !isTooDeep(part.arguments)) return part;
  return { ...part, arguments: {}, invalid: part.invalid ?? 'The arguments nest too deep.' };
}
