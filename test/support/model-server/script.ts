/** What a test can make the model server do. */

export type ServerWire = 'openai-chat' | 'openai-responses' | 'anthropic-messages';

/** One request as the server received it. */
export interface RecordedRequest {
  wire: ServerWire;
  path: string;
  headers: Record<string, string | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
  /** Text of the last user message. */
  userText: string;
  /** Outputs of the tool results at the end of the conversation; empty when it ends otherwise. */
  toolResults: string[];
  /** Why the request was refused as invalid, as the vendor would put it; null when it was fine. */
  refused: string | null;
  /** The client closed the connection before the answer was complete. Final once `finished` resolves. */
  closedEarly: boolean;
  /** Resolves when the answer is sent or the connection is gone. */
  finished: Promise<void>;
}

export interface ScriptedToolCall {
  /** Null: none is sent (openai wires). Default: `call_<n>` or `toolu_<n>`. */
  id?: string | null;
  /** Our name or the wire's: `time.now` is sent as it was offered. */
  name: string;
  /** An object, or raw text to send something that is no JSON. Default `{}`. */
  arguments?: Record<string, unknown> | string;
}

export interface ScriptedUsage {
  input: number;
  output: number;
  cached?: number;
  cacheWrite?: number;
  reasoning?: number;
}

/** One answer. Everything is optional: `{}` is a complete answer with no content. */
export interface Step {
  /** Sent as several deltas, or as given when it is a list. */
  text?: string | readonly string[];
  thinking?: string;
  /** Signature of the thinking (anthropic-messages), or its encrypted content (openai-responses). */
  signature?: string;
  /** Redacted thinking (anthropic-messages). */
  redacted?: string;
  /** Refusal text (openai wires). */
  refusal?: string;
  toolCalls?: readonly ScriptedToolCall[];
  /** The wire's own word for why it stopped; on openai-responses, for why it is incomplete. */
  finish?: string;
  /** Null: none is sent. Default: counted at 4 characters a token. */
  usage?: ScriptedUsage | null;
  /** Sent as the wire's `usage`, whatever it is, and also where none was asked for. */
  rawUsage?: unknown;
  /** The model that is said to have answered. Default: the one that was asked. */
  answeredModel?: string;

  /** An error status, with the vendor's error body, or `body` as it is. */
  status?: number;
  message?: string;
  code?: string;
  errorType?: string;
  headers?: Record<string, string>;
  /** Sent as the whole answer. With `status` or without. */
  body?: string;

  /** Nothing is answered before it is fulfilled. */
  after?: Promise<unknown>;
  /** Milliseconds: before the headers; after them, before the first event; between events. */
  delayMs?: number;
  firstTokenMs?: number;
  chunkMs?: number;
  /** Splits the bytes on the wire into writes of that many, wherever characters end. */
  writeBytes?: number;

  /**
   * hang: never answers, not even headers · hang-after: stops after the first content · cut: destroys the socket after
   * the first content · no-finish: ends well, without the finish marker · error: an error object inside the stream,
   * after the first content · invalid-json: an event that is no JSON · html: a web page with status 200
   */
  fault?: 'hang' | 'hang-after' | 'cut' | 'no-finish' | 'error' | 'invalid-json' | 'html';
  /** Sends only so many bytes of the stream, then ends it (`end`) or destroys the socket (`cut`). */
  truncate?: { bytes: number; how: 'end' | 'cut' };
}

/** Steps are used up in order; after the last one the server echoes. A function decides per request. */
export type Script = readonly Step[] | ((request: RecordedRequest, count: number) => Step | undefined);

/** Deltas of a text: a few words each. */
export function deltasOf(text: string | readonly string[] | undefined): readonly string[] {
  if (text === undefined) return [];
  if (typeof text !== 'string') return text;
  if (text.length <= 64) return text === '' ? [] : [text];
  const size = Math.max(48, Math.ceil(text.length / 64));
  const deltas: string[] = [];
  for (let at = 0; at < text.length; at += size) deltas.push(text.slice(at, at + size));
  return deltas;
}

export function argumentsText(call: ScriptedToolCall): string {
  return typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {});
}

/** The name under which the request offered the tool. */
export function offeredName(name: string, offered: readonly string[]): string {
  if (offered.includes(name)) return name;
  const plain = name.replace(/[^a-zA-Z0-9_-]/g, '_');
  return offered.includes(plain) ? plain : name;
}

export function usageOf(step: Step, bodyLength: number): ScriptedUsage | null {
  if (step.usage !== undefined) return step.usage;
  const output = deltasOf(step.text).reduce((sum, delta) => sum + delta.length, 0);
  return { input: Math.ceil(bodyLength / 4), output: Math.ceil(output / 4) };
}
