/** What we use of irc-framework, which brings no types: https://github.com/kiwiirc/irc-framework */
declare module 'irc-framework' {
  import type { EventEmitter } from 'node:events';

  /** A line as it came: https://modern.ircdocs.horse/#message-format */
  export interface IrcMessage {
    readonly command: string;
    readonly params: readonly string[];
    readonly tags: Readonly<Record<string, string>>;
    readonly nick: string;
    readonly ident: string;
    readonly hostname: string;
    /** Of the server, or `nick!ident@hostname`. */
    readonly prefix: string;
  }

  /** Carries lines; the library makes one for each connection. */
  export interface Transport extends EventEmitter {
    connect(): void;
    writeLine(line: string, done?: () => void): void;
    close(force?: boolean): void;
    disposeSocket(): void;
    isConnected(): boolean;
    setEncoding(encoding: string): boolean;
  }

  export interface ClientOptions {
    nick: string;
    username: string;
    gecos: string;
    version: string;
    auto_reconnect: boolean;
    ping_interval?: number;
    ping_timeout?: number;
    /** Of the server. */
    password?: string;
    /** For SASL; empty: none. */
    account: { account?: string; password?: string };
    transport: new () => Transport;
  }

  class Client {
    constructor(options: ClientOptions);
    readonly connection: EventEmitter & {
      readonly connected: boolean;
      /** `broken`: without waiting for the server. */
      end(lastLine: string | undefined, broken: boolean): void;
    };
    readonly user: { readonly nick: string };
    readonly network: {
      supports(name: string): string | true | undefined;
      isChannelName(name: string): boolean;
    };
    connect(): void;
    raw(line: string): void;
    caseLower(name: string): string;
    // biome-ignore lint/suspicious/noExplicitAny: each event has fields of its own
    on(event: string, listener: (event: any) => void): this;
  }

  const irc: { Client: typeof Client };
  export default irc;
  export type IrcClient = Client;
}
