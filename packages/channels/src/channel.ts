/**
 * The channel port: a chat platform's bytes to neutral events, and neutral messages to its bytes.
 *
 * An adapter knows one platform's wire and nothing else: no database, no queue, no team. Credentials and settings come
 * in with each call, and requests go out through the `fetch` it is given. docs/channels/adding-one.md shows how one is
 * made, and test/conformance/channels/kit.ts proves what is promised here.
 */
import type { LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import {
  type Address,
  type DocumentReader,
  type Fetch,
  type InboundAttachment,
  type InboundEvent,
  storableText,
} from '@nightshift/contracts';
import type { z } from 'zod';
import type { Dialect, Rendered, TextLimit } from './markdown/render.ts';

export type {
  ActionEvent,
  Address,
  DeletedEvent,
  EditedEvent,
  IgnoredEvent,
  InboundAttachment,
  InboundEvent,
  MessageEvent,
  Place,
  QuotedMessage,
  Sender,
  UndeliveredEvent,
} from '@nightshift/contracts';

export interface ChannelAdapter<Credentials = unknown, Settings = unknown> {
  /** Its slug in the catalogue: `Channel.kind`. */
  readonly kind: string;
  readonly capabilities: Capabilities;
  /** What is secret of a connection, and what is not. The catalogue's fields are these. */
  readonly credentials: z.ZodType<Credentials>;
  readonly settings: z.ZodType<Settings>;
  /** For platforms that push to us over HTTP. */
  readonly hook?: InboundHook<Credentials, Settings>;
  /** For platforms that we connect to: a socket, or polling. */
  readonly connector?: Connector<Credentials, Settings>;

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

  /**
   * Ids under which other channels of this kind meet what we say, as their `sender.id`: it is a program's then. Default:
   * the account's.
   */
  ownIds?(connection: Pick<Connection<Credentials, Settings>, 'settings' | 'account'>): readonly string[];

  /** Most messages of one answer, where the channel's settings say so. Default: `capabilities.maxParts`. */
  maxParts?(settings: Settings): number;

  /** Whether the platform takes the credentials, and what is misconfigured. Changes nothing that people see. @throws {ChannelError} */
  probe(connection: Connection<Credentials, Settings>, context: ProbeContext): Promise<ProbeResult>;

  // What follows is there exactly when `capabilities` says so.

  /**
   * Puts `part` in the place of one that was sent. Doing it twice is doing it once.
   * @throws {ChannelError} gone: there is nothing to edit any more
   */
  edit?(
    part: Part,
    sent: SendReceipt,
    to: Address,
    connection: Connection<Credentials, Settings>,
    context: CallContext,
  ): Promise<void>;

  /** Shows that an answer is being written, for about `capabilities.typing.lastsMs`. @throws {ChannelError} */
  typing?(to: Address, connection: Connection<Credentials, Settings>, context: CallContext): Promise<void>;

  /** Puts an emoji on the message that `to` answers. @throws {ChannelError} */
  react?(
    emoji: string,
    to: Address,
    connection: Connection<Credentials, Settings>,
    context: CallContext,
  ): Promise<void>;

  /** Sends a file, once, as `send` sends a text. @throws {ChannelError} */
  sendFile?(
    file: OutgoingFile,
    to: Address,
    connection: Connection<Credentials, Settings>,
    context: SendContext,
  ): Promise<SendReceipt>;

  /**
   * Fetches an attachment from the platform's own hosts, at most `maxBytes` of it.
   * @throws {ChannelError} rejected: it is gone, or larger than that
   */
  download?(
    attachment: InboundAttachment,
    connection: Connection<Credentials, Settings>,
    context: DownloadContext,
  ): Promise<Download>;
}

export interface Capabilities {
  /** The notation that messages are written in there. */
  readonly dialect: Dialect;
  /** The longest text of one message. */
  readonly limit: TextLimit;
  /**
   * Most messages of one answer, where more would be a flood and no file can be sent instead: the rest is left out, and
   * the last message says so. A channel's settings may say otherwise (`ChannelAdapter.maxParts`). Default: 30.
   */
  readonly maxParts?: number;
  /** The platform drops a repetition that carries the same idempotency key, so a send of unknown outcome is repeated. */
  readonly idempotentSend: boolean;
  /** A message can be changed, so an answer is shown while it is written. */
  readonly edit: EditThrottle | null;
  readonly typing: { readonly lastsMs: number } | null;
  /** How fast the platform takes messages, by its documentation. Absent: it does not say, or queues them by itself. */
  readonly rates?: SendRates;
  /** A conversation may be a thread of a room. */
  readonly threads: boolean;
  /** The largest file that may come in (`download`) and go out (`sendFile`), in bytes; null: none. */
  readonly files: { readonly inMax: number | null; readonly outMax: number | null };
  readonly reactions: boolean;
  readonly buttons: boolean;
  /**
   * Messages go out over the connection that the connector holds, so only the process that holds it can send: what waits
   * is left to it, and its `session` is in each context. Default: they do not.
   */
  readonly sendsOverConnection?: boolean;
}

/** The least time between two edits of one message, in milliseconds. Groups have tighter limits on most platforms. */
export interface EditThrottle {
  readonly directMs: number;
  readonly groupMs: number;
}

/** What the slowest of the large platforms allow. */
export const defaultEditThrottle: EditThrottle = { directMs: 1_100, groupMs: 3_100 };

export interface SendRates {
  /** The fields of an address that name a chat, whatever the thread within it. */
  readonly chat: readonly string[];
  /** Of one chat: between a person and us, and with others in it. */
  readonly direct?: SendRate;
  readonly group?: SendRate;
  /** Of the connection, in all its chats. */
  readonly connection?: SendRate;
  /** An edit counts as a message. */
  readonly edits: boolean;
}

/** So many messages in so many milliseconds. */
export interface SendRate {
  readonly messages: number;
  readonly perMs: number;
  /** How many of them may go at once. Default: all. */
  readonly burst?: number;
}

/** In `capabilities.dialect`, at most `capabilities.limit` long, and not blank. */
export interface Part extends Rendered {
  /** What a person may press instead of answering, where the platform has buttons. */
  readonly buttons?: readonly Button[];
}

export interface Button {
  readonly label: string;
  /** What pressing it says: it comes back as the `value` of an `action` event. */
  readonly value: string;
}

export interface OutgoingFile {
  readonly name: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

export interface Download {
  readonly data: Uint8Array;
  /** As the platform said it with the bytes; absent: as it was announced. */
  readonly mediaType?: string;
}

export interface Connection<Credentials, Settings> {
  readonly credentials: Credentials;
  readonly settings: Settings;
  /** Who we are there, as the last probe found; null before the first one. */
  readonly account: Account | null;
}

export interface Account {
  /** The platform's id of us; null where it has none. */
  readonly id: string | null;
  /** For people: a bot's name, a phone number, a URL. */
  readonly name: string;
}

export interface CallContext {
  readonly fetch: Fetch;
  /** For sockets, which `fetch` does not open: `resolveHost` asks it. Absent: none may be opened. */
  readonly lookup?: Lookup;
  /** Parses what strangers wrote, outside of this process. Absent: it is no place for documents. */
  readonly documents?: DocumentReader;
  readonly signal: AbortSignal;
  /** What the connector gave to `connected`, while it is connected, where `capabilities.sendsOverConnection`. */
  readonly session?: unknown;
}

/**
 * A `net.LookupFunction` that refuses the addresses that `fetch` refuses, with a `FetchFailure`. `net.connect` asks it
 * for names alone, so whoever connects to an address has to ask for that, too. With the port it knows all that the
 * operator allows.
 */
export type Lookup = (
  hostname: string,
  options: LookupOptions & { readonly port?: number },
  done: Parameters<LookupFunction>[2],
) => void;

export interface SendContext extends CallContext {
  /** The same for every attempt at the same part, and for no other. */
  readonly idempotencyKey: string;
  /** Of the run that answers, for platforms that pass a trace on; null or absent: no run. */
  readonly traceId?: string | null;
}

export interface DownloadContext extends CallContext {
  readonly maxBytes: number;
}

export interface ProbeContext extends CallContext {
  /** Where the platform should push to; adapters that can register it there do so. */
  readonly hookUrl: string;
}

/** What the platform said of a part, to be kept: ids by which it can be found there, for an edit for instance. */
export type SendReceipt = Readonly<Record<string, string | number>>;

export interface ProbeResult {
  readonly account: Account;
  /** What is misconfigured, though the credentials work. */
  readonly problems: readonly ChannelProblem[];
}

/** Both for people who have never heard of the platform's API. */
export interface ChannelProblem {
  readonly message: string;
  /** What to do about it, where. */
  readonly fix: string;
}

/** `verify` and `parse` run before anything is believed: first over the raw bytes, then what they say. */
export interface InboundHook<Credentials, Settings> {
  /**
   * Compares in constant time, and refuses when there is no secret to compare with. It may ask for public keys through
   * the context's `fetch`; whatever it throws refuses, too.
   */
  verify(
    request: RawRequest,
    connection: Connection<Credentials, Settings>,
    context: VerifyContext,
  ): Verified | Promise<Verified>;
  /**
   * What a verified request tells of, in order. Kinds of events that the adapter does not know are `ignored` events.
   * @throws {ChannelError} rejected: it is not what the platform sends
   */
  parse(request: RawRequest, connection: Connection<Credentials, Settings>): InboundEvent[];
  /** What the platform wants to hear once the events are stored: a challenge, an empty document. Default: 200, no body. */
  answer?(request: RawRequest, connection: Connection<Credentials, Settings>): HookAnswer;
}

export interface VerifyContext extends CallContext {
  /** Milliseconds of the epoch. */
  readonly now: number;
}

export interface RawRequest {
  readonly method: 'GET' | 'POST';
  /** As the platform called it, as far as the server knows its own public name. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export interface HookAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `reason` is for the log: a stranger is told nothing. */
export type Verified = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Connector<Credentials, Settings> {
  /** Whether a connection set up like this is connected to, where the platform can also push. Default: it is. */
  isWanted?(settings: Settings): boolean;
  /**
   * What a cursor belongs to: of another one it is not believed. Default: the credentials. Where they may change and the place
   * stay the same (a mailbox), it is the place, so that what came meanwhile is not passed over.
   */
  cursorOwner?(settings: Settings): string;
  /**
   * Connects, and hands on what comes until the signal aborts; then it returns. When it returns earlier or throws, it is
   * called again after a while. One worker at a time does this for a connection.
   * @throws {ChannelError} auth: the credentials are refused, and it is not tried again before somebody mends them
   */
  connect(
    connection: Connection<Credentials, Settings>,
    sink: InboundSink,
    context: ConnectContext,
  ): Promise<void>;
}

export interface InboundSink {
  /** Where to go on: what the last `commit` ended with. Null: begin anew, as after a change of the cursor's owner. */
  readonly cursor: string | null;
  /**
   * Stores the events and the cursor, both or neither; only then may the platform be told that they arrived. Events that
   * were stored before are dropped. Without a cursor the one before stays.
   * @throws when they are not stored, for instance since another worker has taken over: end `connect` with it
   */
  commit(events: readonly InboundEvent[], cursor?: string): Promise<void>;
}

export interface ConnectContext extends CallContext {
  /**
   * Says that the connection stands: trouble before it is forgotten. Where `capabilities.sendsOverConnection`, sending
   * finds `session` in its context from now until `connect` ends.
   */
  connected(session?: unknown): void;
}

/**
 * Why a part did not go out.
 *
 * rejected: the platform will never take it · gone: what was to be edited is no longer there · retry: it did not arrive,
 * and may later · ambiguous: it may have arrived · auth: the credentials are refused; it did not arrive.
 */
export type ChannelErrorKind = 'rejected' | 'gone' | 'retry' | 'ambiguous' | 'auth';

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
    // It may quote the platform, and is stored with what it is about.
    super(storableText(message), options);
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.pauses = options.pauses ?? 'channel';
  }
}

/** As whom other channels of its kind meet a connection: see `ChannelAdapter.ownIds`. */
export function ownIds(
  adapter: Pick<ChannelAdapter, 'ownIds'>,
  connection: { settings: unknown; account: Account | null },
): readonly string[] {
  return adapter.ownIds?.(connection) ?? (connection.account?.id ? [connection.account.id] : []);
}

/** What the adapter can do, with what the channel's settings say of it. */
export function capabilitiesOf(
  { capabilities, maxParts }: Pick<ChannelAdapter, 'capabilities' | 'maxParts'>,
  { settings }: { settings: unknown },
): Capabilities {
  return maxParts ? { ...capabilities, maxParts: maxParts(settings) } : capabilities;
}
