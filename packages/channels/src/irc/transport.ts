/** The socket under irc-framework: to an address that was checked, and such that a line is one line whatever is in it. */
import { EventEmitter } from 'node:events';
import { isIP, connect as openTcp, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { connect as openTls } from 'node:tls';
import type { Transport } from 'irc-framework';

export interface Endpoint {
  /** Where the socket goes. */
  readonly address: string;
  readonly port: number;
  /** Whom the certificate has to name; null: no TLS. */
  readonly tlsHost: string | null;
}

/** Tags have 8191 bytes and the rest 512: https://ircv3.net/specs/extensions/message-tags#size-limit */
const longestLine = 16 * 1024;

/** The library makes its transport itself, from a class. */
export function transportTo(
  { address, port, tlsHost }: Endpoint,
  onSocket: (socket: Socket) => void = () => undefined,
): new () => Transport {
  return class extends EventEmitter implements Transport {
    private socket: Socket | undefined;
    private open = false;
    private error: Error | undefined;

    connect(): void {
      this.socket =
        tlsHost === null
          ? openTcp({ host: address, port })
          : openTls({ host: address, port, ...(isIP(tlsHost) === 0 && { servername: tlsHost }) });
      onSocket(this.socket);
      const decoder = new StringDecoder('utf8');
      let begun = '';
      this.socket
        .setNoDelay()
        .on(tlsHost === null ? 'connect' : 'secureConnect', () => {
          this.open = true;
          this.emit('open');
        })
        .on('error', (error) => {
          this.error = error;
        })
        .on('close', () => {
          this.open = false;
          this.emit('close', this.error ?? false);
        })
        .on('data', (data) => {
          const lines = (begun + decoder.write(data)).split('\n');
          begun = lines.pop()!;
          if ([begun, ...lines].some((line) => line.length > longestLine))
            this.socket?.destroy(new Error('The server sent a line that is too long.'));
          try {
            for (const line of lines) if (this.socket) this.emit('line', line);
          } catch (cause) {
            // The library trusts that a command has its parameters.
            this.socket?.destroy(new Error('The server sent a line that cannot be read.', { cause }));
          }
        });
    }

    isConnected(): boolean {
      return this.open;
    }

    writeLine(line: string, done?: () => void): void {
      // Nothing that somebody wrote begins a second command.
      if (this.open) this.socket?.write(`${line.replace(/[\r\n\0]/g, ' ')}\r\n`, done);
      else if (done) process.nextTick(done);
    }

    close(force?: boolean): void {
      if (force || !this.open) this.socket?.destroy();
      else this.socket?.end();
    }

    disposeSocket(): void {
      this.socket?.destroy();
      this.socket = undefined;
    }

    setEncoding(encoding: string): boolean {
      return encoding === 'utf8';
    }
  };
}
