import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * An empty directory in the system's temporary one, removed with `resources`. Where that is in memory (tmpfs), commits
 * cost nothing and the figures flatter: set TMPDIR to a directory on a disk.
 */
export function temporaryDirectory(resources: AsyncDisposableStack): string {
  const path = mkdtempSync(join(tmpdir(), 'nightshift-bench-'));
  resources.defer(() => rm(path, { recursive: true, force: true, maxRetries: 3 }));
  return path;
}
