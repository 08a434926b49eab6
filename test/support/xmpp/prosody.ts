/** A real XMPP server of the test's own: Debian's prosody, on a free port of the loopback interface. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../faults/free-port.ts';

export interface Prosody {
  readonly port: number;
  /** For direct TLS. */
  readonly tlsPort: number;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again at the same port, with what it had stored. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Everybody's. */
export const password = 'pässword';

export interface ProsodyOptions {
  /** Without one it offers no encryption. */
  certificate?: { certFile: string; keyFile: string };
}

/** Has the accounts `<name>@localhost`, and rooms at `rooms.localhost`. */
export async function startProsody(
  names: readonly string[],
  { certificate }: ProsodyOptions = {},
): Promise<Prosody> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-prosody-'));
  const port = await freePort();
  const tlsPort = await freePort();
  const ssl = certificate
    ? `ssl = { certificate = "${certificate.certFile}", key = "${certificate.keyFile}" }\nc2s_direct_tls_ports = { ${tlsPort} }`
    : '';
  const file = join(directory, 'prosody.cfg.lua');
  const accounts = join(directory, 'data/localhost/accounts');
  mkdirSync(accounts, { recursive: true });
  for (const name of names)
    writeFileSync(join(accounts, `${name}.dat`), `return { ["password"] = "${password}" };\n`);
  writeFileSync(
    file,
    `
run_as_root = true
data_path = "${directory}/data"
pidfile = "${directory}/prosody.pid"
certificates = "${directory}"
interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
${ssl}
modules_enabled = { "roster", "saslauth", ${certificate ? '"tls",' : ''} "disco", "ping", "offline", "smacks" }
modules_disabled = { "s2s" }
c2s_require_encryption = false
authentication = "internal_plain"
log = { { levels = { min = "info" }, to = "console", timestamps = false } }
VirtualHost "localhost"
Component "rooms.localhost" "muc"
  muc_room_default_public_jids = false
`,
  );
  const ready = [
    `Activated service 'c2s' on [127.0.0.1]:${port}`,
    ...(certificate ? [`Activated service 'c2s_direct_tls' on [127.0.0.1]:${tlsPort}`] : []),
  ];
  let kill = async () => {};

  async function start(): Promise<void> {
    const child = spawn('prosody', ['-F', '--config', file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    kill = async () => {
      child.kill('SIGKILL');
      await exited;
    };
    await new Promise<void>((resolve, reject) => {
      const said: string[] = [];
      child.once('error', reject);
      exited.then((code) => reject(new Error(`prosody ended with ${code}: ${said.join('\n')}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (ready.every((sign) => said.some((each) => each.includes(sign)))) resolve();
      });
    });
  }

  await start();
  return {
    port,
    tlsPort,
    kill: () => kill(),
    start,
    async stop() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
