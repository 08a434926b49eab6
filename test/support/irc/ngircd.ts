/** A real IRC server of the test's own: Debian's ngircd, on a free port of the loopback interface. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../faults/free-port.ts';

export interface Ngircd {
  readonly port: number;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again at the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface NgircdOptions {
  password?: string;
}

export async function startNgircd({ password }: NgircdOptions = {}): Promise<Ngircd> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-ngircd-'));
  // Started as root it goes on as nobody.
  chmodSync(directory, 0o755);
  const port = await freePort();
  const file = join(directory, 'ngircd.conf');
  const settings = [
    '[Global]',
    'Name=irc.test',
    'Info=A server of the tests',
    'Listen=127.0.0.1',
    `Ports=${port}`,
    'MotdPhrase=Hello',
    ...(password ? [`Password=${password}`] : []),
    '[Limits]',
    'MaxConnectionsIP=0',
    // In seconds: it would answer each line later than the one before.
    'MaxPenaltyTime=0',
    '[Options]',
    'DNS=no',
    'Ident=no',
    'PAM=no',
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  let kill = async () => {};

  async function start(): Promise<void> {
    const child = spawn('ngircd', ['-n', '-f', file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    kill = async () => {
      child.kill('SIGKILL');
      await exited;
    };
    await new Promise<void>((resolve, reject) => {
      const said: string[] = [];
      child.once('error', reject);
      exited.then((code) => reject(new Error(`ngircd ended with ${code}: ${said.join('\n')}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (/\bready\.$/.test(line)) resolve();
      });
    });
  }

  await start();
  return {
    port,
    kill: () => kill(),
    start,
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
