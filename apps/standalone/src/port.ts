import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The address cannot be listened on. The message is one or two sentences for the operator. */
export class PortError extends Error {
  readonly code = 'address_unavailable';
  readonly retryable = false;
}

/**
 * Checks that a port can be listened on, before anything is started in vain.
 *
 * @param port 0 for any that is free
 * @returns the port; restarts of the api keep it
 * @param options.patienceMs how long to wait for it to become free, in milliseconds
 * @throws {PortError}
 */
export async function checkPort(
  host: string,
  port: number,
  options: { patienceMs: number },
): Promise<number> {
  const deadline = Date.now() + options.patienceMs;
  for (;;) {
    const code = await tryListening(host, port);
    if (typeof code === 'number') return code;
    if (code !== 'EADDRINUSE' || Date.now() >= deadline) throw new PortError(explain(code, host, port));
    await sleep(100);
  }
}

/** @returns the port that was listened on, or the code of the error */
function tryListening(host: string, port: number): Promise<number | string> {
  return new Promise((fulfil) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => fulfil(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => fulfil(port));
    });
  });
}

function explain(code: string, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use by another program. Stop it, or choose another port: PORT=${port === 65_535 ? 3000 : port + 1} npm start`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Choose one above 1023 with PORT.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST is "${host}", and that is no address of this machine.`;
    default:
      return `Nightshift cannot listen on ${host}, port ${port} (${code}).`;
  }
}
