declare module 'hoodiecrow-imap' {
  import type { Server, Socket } from 'node:net';

  interface Message {
    raw: string;
    flags?: string[];
    internaldate?: string;
    uid?: number;
  }
  interface Mailbox {
    uidvalidity: number;
    uidnext: number;
    messages: Message[];
  }
  interface Connection {
    send(response: object, description: string, parsed: unknown, data: unknown): void;
  }
  interface ImapServer {
    readonly server: Server;
    listen(port: number, host: string, listening: () => void): void;
    getMailbox(path: string): Mailbox;
    /** `raw`: each character is a byte. */
    appendMessage(mailbox: string, flags: string[], internalDate: string, raw: string): void;
    setCommandHandler(
      command: string,
      handler: (connection: Connection, parsed: unknown, data: unknown, callback: () => void) => void,
    ): void;
    getCommandHandler(
      command: string,
    ): (connection: Connection, parsed: unknown, data: unknown, callback: () => void) => void;
    on(event: 'connection', listener: (socket: Socket) => void): void;
  }
  export default function hoodiecrow(options: {
    plugins: readonly string[];
    secureConnection?: boolean;
    credentials?: { key: string; cert: string };
    users: Record<string, { password?: string; xoauth2?: { accessToken: string; sessionTimeout: number } }>;
    storage: Record<string, { uidvalidity?: number; uidnext?: number; messages?: Message[] }>;
  }): ImapServer;
}
