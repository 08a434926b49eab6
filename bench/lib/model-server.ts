import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endChild } from './child.ts';

const program = fileURLToPath(new URL('../../test/support/model-server/main.ts', import.meta.url));

/** Starts a model that answers at once with what it was told, as a process. @returns its base URL, without a path */
export async function startModel(resources: AsyncDisposableStack): Promise<string> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  resources.defer(() => endChild(child));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return url;
}
