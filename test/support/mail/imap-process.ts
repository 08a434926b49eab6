/**
 * The IMAP server in a process of its own, for tests that watch whether their own event loop is held up: the server reads
 * large mails slowly.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startImapServer } from './imap-server.ts';

export interface ImapProcess {
  readonly port: number;
  deliver(raw: Uint8Array): void;
  close(): void;
}

const itself = fileURLToPath(import.meta.url);

export async function startImapProcess(): Promise<ImapProcess> {
  const child = fork(itself, { serialization: 'advanced', execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    deliver: (raw) => void child.send(raw),
    close: () => void child.kill('SIGKILL'),
  };
}

if (process.argv[1] === itself) {
  const server = await startImapServer();
  process.on('message', (raw: Uint8Array) => server.deliver(raw));
  process.on('disconnect', () => process.exit());
  process.send!(server.port);
}
