/** What we use of xmpp.js, which brings no types: https://github.com/xmppjs/xmpp.js */
declare module '@xmpp/client' {
  import type { EventEmitter } from 'node:events';

  export interface Element {
    readonly name: string;
    readonly attrs: Readonly<Record<string, string | undefined>>;
    getChild(name: string, xmlns?: string): Element | undefined;
    getChildren(name: string, xmlns?: string): Element[];
    getChildElements(): Element[];
    getChildText(name: string, xmlns?: string): string | null;
    getText(): string;
    is(name: string, xmlns?: string): boolean;
    remove(name: string, xmlns?: string): void;
  }

  export type Child = Element | string | undefined | false | readonly Child[];

  export function xml(
    name: string,
    attributes?: Readonly<Record<string, string | undefined>>,
    ...children: readonly Child[]
  ): Element;

  export interface Jid {
    readonly local: string;
    readonly domain: string;
    readonly resource: string;
    bare(): Jid;
    toString(): string;
  }

  /** @throws when it is none */
  export function jid(text: string): Jid;

  export class Transport {
    Parser: typeof StreamParser;
    socketParameters(service: string): object | undefined;
  }

  type Authenticate = (
    credentials: { username: string; password: string },
    mechanism: string,
    userAgent: unknown,
  ) => Promise<void>;

  export interface ClientOptions {
    service: string;
    domain: string;
    resource: string;
    username: string;
    /** For each step of opening and closing a stream, in milliseconds. */
    timeout: number;
    credentials(authenticate: Authenticate, mechanisms: readonly string[]): Promise<void>;
  }

  /** Of `@xmpp/xml`. Its methods are called by the reader of tags under it. */
  export class StreamParser extends EventEmitter {
    write(data: string): void;
    onStartElement(name: string, attributes: object): void;
    onEndElement(name: string): void;
    onText(text: string): void;
  }

  interface PausableSocket {
    destroy(): void;
    pause(): void;
    resume(): void;
  }

  export interface XmppClient extends EventEmitter {
    readonly parser: StreamParser | null;
    _onData(data: Uint8Array): void;
    readonly status: string;
    readonly jid: Jid | null;
    readonly socket: (Partial<PausableSocket> & { readonly socket?: PausableSocket }) | null;
    transports: (typeof Transport)[];
    readonly reconnect: { stop(): void };
    readonly iqCaller: { request(stanza: Element, timeoutMs?: number): Promise<Element> };
    readonly iqCallee: {
      get(xmlns: string, name: string, answer: () => Element | true | undefined): void;
    };
    isSecure(): boolean;
    connect(service: string): Promise<void>;
    open(options: { domain: string }): Promise<void>;
    send(stanza: Element): Promise<void>;
    stop(): Promise<unknown>;
  }

  export function client(options: ClientOptions): XmppClient;
}
