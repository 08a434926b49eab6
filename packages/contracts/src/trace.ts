/**
 * The one id that follows a message: through the api, the worker, its deliveries, and the headers of answers. It is a trace
 * id of W3C trace context: 32 hexadecimal digits, not all of them 0. https://www.w3.org/TR/trace-context/
 */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

const uuid = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export const newTraceId = (): string => crypto.randomUUID().replaceAll('-', '');

/** The trace that a `traceparent` header names; null: it names none, or breaks the standard. */
export const traceOf = (header: string): string | null => traceparent.exec(header)?.[1] ?? null;

/** The same id, where it is a UUID, with or without its hyphens; null: it is another kind of id. */
export const traceOfUuid = (id: string): string | null =>
  uuid.test(id) && !/^[0-]+$/.test(id) ? id.replaceAll('-', '').toLowerCase() : null;

/** A `traceparent` header for a request of ours within the trace. */
export const traceparentOf = (traceId: string): string => `00-${traceId}-${newTraceId().slice(0, 16)}-01`;
