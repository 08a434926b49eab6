/**
 * The channel port: a chat platform's bytes to neutral events, and neutral messages to its bytes.
 *
 * An adapter knows one platform's wire and nothing else: no database, no queue, no team. Credentials and settings come
 * in with each call, and requests go out through the `fetch` it is given.
 */
import { type Fetch, FetchFailure } from '@nightshift/contracts';
import type { z } from 'zod';
import type { Dialect, Rendered, TextLimit } from './markdown/render.ts';

export interface ChannelAdapter<Credentials = unknown, Settings = unknown> {
  /** Its slug: `Channel.kind`. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** What is secret of a connection, and what is not. Setup screens come from these. */
  readonly credentials: z.ZodType<Credentials>;
  readonly settings: z.ZodType<Settings>;
  /** For platforms that push to us over HTTP. */
  readonly hook?: InboundHook<Credentials, Settings>;

  /**
   * Sends one part of a message, once; it never retries.
   * @throws {ChannelError}
   */
  send(
    part: Part,
    to: Address,
    connection: Connection<Credentials, Settings>,
    context: SendContext,
  ): Promise<SendReceipt>;

  /** Whether the platform takes the credentials. Changes nothing that people see. @throws {ChannelError} */
  probe(connection: Connection<Credentials, Settings>, context: CallContext): Promise<ProbeResult>;
}

export interface Capabilities {
  /** The platform drops a repetition that carries the same idempotency key, so a send of unknown outcome is repeated. */
  readonly idempotentSend: boolean;
  readonly dialect: Dialect;
  /** Of one part. */
  readonly text: TextLimit;
}

/** Where in a platform: the ids it needs, by the platform's own names. Kept with the conversation. */
export type Address = Readonly<Record<string, string>>;

/** In the dialect of the adapter, at most `capabilities.text` long, and not blank. */
export type Part = Rendered;

export interface Connection<Credentials, Settings> {
  readonly credentials: Credentials;
  readonly settings: Settings;
}

export interface CallContext {
  readonly fetch: Fetch;
  readonly signal: AbortSignal;
}

export interface SendContext extends CallContext {
  /** The same for every attempt at the same part, and for no other. */
  readonly idempotencyKey: string;
}

/** What the platform said of a part, to be kept: ids by which it can be found there. */
export type SendReceipt = Readonly<Record<string, string | number>>;

export interface ProbeResult {
  /** Who we are there, for people: a bot's name, a URL. */
  readonly account: string;
}

/** Both run before anything is believed: `verify` over the raw bytes, then `parse`. */
export interface InboundHook<Credentials, Settings> {
  /** Compares in constant time, and refuses when there is no secret to compare with. `now`: milliseconds of the epoch. */
  verify(request: RawRequest, connection: Connection<Credentials, Settings>, now: number): Verified;
  /** What a verified request tells of. @throws {ChannelError} rejected: it is not what the platform sends */
  parse(request: RawRequest, connection: Connection<Credentials, Settings>): InboundEvent[];
}

export interface RawRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** `reason` is for the log: a stranger is told nothing. */
export type Verified = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface InboundEvent {
  /** The platform's own id of the event, the same when it is delivered again. */
  readonly externalId: string;
  readonly thread: Address;
  /** Tells threads of one channel apart: what of `thread` names the conversation. */
  readonly threadKey: string;
  readonly sender: { readonly id: string; readonly name: string | null };
  readonly text: string;
}

/**
 * Why a part did not go out.
 *
 * rejected: the platform will never take it · retry: it did not arrive, and may later · ambiguous: it may have
 * arrived · auth: the credentials are refused; it did not arrive.
 */
export type ChannelErrorKind = 'rejected' | 'retry' | 'ambiguous' | 'auth';

export interface ChannelErrorOptions extends ErrorOptions {
  /** What the platform asked us to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** Whom the wait is for. Default `channel`: everything that we send there. */
  pauses?: 'channel' | 'thread';
}

/** The one error of this package. Its message is for the channel's team and holds no secret. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly kind: ChannelErrorKind;
  readonly retryAfterMs: number | undefined;
  readonly pauses: 'channel' | 'thread';

  constructor(kind: ChannelErrorKind, message: string, options: ChannelErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.pauses = options.pauses ?? 'channel';
  }
}

const kindOf = { refused: 'rejected', unreachable: 'retry', interrupted: 'ambiguous' } as const;

/** What a request that came to nothing means for the part in it. Anything but a `FetchFailure` is thrown on. */
export function toChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  if (!(error instanceof FetchFailure)) throw error;
  return new ChannelError(kindOf[error.reason], error.message, { cause: error });
}
