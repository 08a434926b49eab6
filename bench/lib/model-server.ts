import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endChild } from './child.ts';

const program = fileURLToPath(new URL('../../test/support/model-server/main.ts', import.meta.url));

/**
 * Starts a model that answers with what it was told, as a process: at once, or after a while.
 *
 * @param thinkMs milliseconds from its headers to its first token
 * @returns its base URL, without a path
 */
export async function startModel(resources: AsyncDisposableStack, thinkMs = 0): Promise<string> {
  const args = [program, '0', String(thinkMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  resources.defer(() => endChild(child));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return url;
}
