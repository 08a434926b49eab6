/** Fetches the files that came with messages, when a run first needs them. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttachmentReader,
  type ConnectionDeps,
  type OpenConnection,
  openConnection,
} from '@nightshift/agent';
import { ChannelError, type Lookup } from '@nightshift/channels';
import { type DocumentReader, type Fetch, maxAttachmentBytes } from '@nightshift/contracts';
import { failFile, readFiles, type StoredFile, storeFile } from '@nightshift/core/channels';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';

export interface AttachmentDeps extends ConnectionDeps {
  fetch: Fetch;
  lookup: Lookup;
  documents: DocumentReader;
}

const downloadTimeoutMs = 20_000;

/** Waits before the second and the third attempt at what did not arrive, in milliseconds. */
const againMs = [500, 2_000];

/** Files are larger than any other answer. What is too large the adapter refuses, in words, before this does. */
export const fileFetch = (allow: readonly string[]): Fetch =>
  createGuardedFetch({ allow, maxBytes: 2 * maxAttachmentBytes, timeoutMs: downloadTimeoutMs }).fetch;

export function createAttachmentReader(deps: AttachmentDeps): AttachmentReader {
  return {
    async read(run, fileIds, signal) {
      const { db } = deps;
      const { conversationId } = run.lane;
      const files = await readFiles(db, conversationId, fileIds);
      const missing = files.filter(({ status }) => status === 'announced');
      if (missing.length > 0 && run.channelId) {
        const opened = openConnection(deps, run.teamId, run.channelId);
        for (const file of missing) await fetchFile(deps, await opened, file, signal);
        return byId(await readFiles(db, conversationId, fileIds));
      }
      return byId(files);
    },
  };
}

const byId = (files: readonly StoredFile[]) => new Map(files.map((file) => [file.id, file]));

/** The file has its bytes afterwards, or says why not. */
async function fetchFile(
  { db, fetch, lookup, documents }: AttachmentDeps,
  { adapter, connection }: OpenConnection,
  file: StoredFile,
  stop: AbortSignal,
): Promise<void> {
  const { inMax } = adapter.capabilities.files;
  const maxBytes = Math.min(maxAttachmentBytes, inMax ?? 0);
  const tooLarge = `It is larger than ${Math.floor(maxBytes / 1024 / 1024)} MiB.`;
  if (!adapter.download) return failFile(db, file.id, 'Files of this platform cannot be fetched.');
  if ((file.bytes ?? 0) > maxBytes) return failFile(db, file.id, tooLarge);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(downloadTimeoutMs)]);
      const { data, mediaType } = await adapter.download(file, connection, {
        fetch,
        lookup,
        documents,
        signal,
        maxBytes,
      });
      if (data.length > maxBytes) return await failFile(db, file.id, tooLarge);
      return await storeFile(db, file.id, { data, mediaType });
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      // The run was stopped: whoever goes on with it fetches the file.
      if (stop.aborted) return;
      const again = againMs[attempt];
      const hopeless = error.kind === 'rejected' || error.kind === 'gone' || error.kind === 'auth';
      if (hopeless || again === undefined) return failFile(db, file.id, error.message);
      await sleep(again, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}
