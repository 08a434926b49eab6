/** Somebody on IRC, with a client of their own that knows no more than lines. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { until } from '../faults/until.ts';

export interface Person {
  /** Every line from the server, as it came. */
  readonly lines: string[];
  /** What others said to a target, or to this person, in order. */
  heard(target?: string): string[];
  say(target: string, text: string): void;
  /** A line as it is. */
  write(line: string): void;
  /** Waits until all has arrived that the server had for this person. */
  sync(): Promise<void>;
  /** Waits for a line. */
  sees(pattern: RegExp): Promise<void>;
  close(): void;
}

export async function joinIrc(
  port: number,
  nick: string,
  { rooms = [], password }: { rooms?: readonly string[]; password?: string } = {},
): Promise<Person> {
  const socket = connect(port, '127.0.0.1');
  const lines: string[] = [];
  let asked = 0;
  socket.on('error', () => {});
  await once(socket, 'connect');
  const write = (line: string) => void socket.write(`${line}\r\n`);
  createInterface({ input: socket }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('PING')) write(line.replace('PING', 'PONG'));
  });
  const person: Person = {
    lines,
    heard: (target = nick) =>
      lines.flatMap((line) => {
        const said = /^:\S+ PRIVMSG (\S+) :?(.*)$/.exec(line);
        return said?.[1] === target ? [said[2]!] : [];
      }),
    say: (target, text) => write(`PRIVMSG ${target} :${text}`),
    write,
    sees: (pattern) => until(`${nick} sees ${pattern}`, () => lines.some((line) => pattern.test(line))),
    async sync() {
      asked += 1;
      const token = `sync-${asked}`;
      write(`PING :${token}`);
      await person.sees(new RegExp(`PONG.*${token}$`));
    },
    close: () => socket.destroy(),
  };
  if (password) write(`PASS ${password}`);
  write(`NICK ${nick}`);
  write(`USER ${nick} 0 * :${nick}`);
  await person.sees(/ 001 /);
  for (const room of rooms) write(`JOIN ${room}`);
  if (rooms.length > 0) await person.sees(/ 366 /);
  return person;
}
