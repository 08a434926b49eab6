import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endChild } from './child.ts';

const program = fileURLToPath(new URL('../../test/support/model-server/main.ts', import.meta.url));

/**
 * Starts a model that answers with what it was told, as a process: at once, or word by word.
 *
 * @param wordMs milliseconds before each word
 * @returns its base URL, without a path
 */
export async function startModel(resources: AsyncDisposableStack, wordMs = 0): Promise<string> {
  const args = [program, '0', String(wordMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  resources.defer(() => endChild(child));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return url;
}
