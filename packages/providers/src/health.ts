/** Which keys are known to be refused. In memory: each process learns for itself. */
import { createHash } from 'node:crypto';
import { type Endpoint, ModelError } from './provider.ts';

/** How long a refused key is left alone. A changed key is another key, and is tried at once. */
const COOL_DOWN_MS = 5 * 60_000;

export interface Health {
  /** Why the key is not to be tried now, or null when it may be. */
  refusal(endpoint: Endpoint, model: string, now: number): ModelError | null;
  coolDown(endpoint: Endpoint, model: string, error: ModelError, now: number): void;
}

export function createHealth(): Health {
  const open = new Map<string, { until: number; error: ModelError }>();
  return {
    refusal(endpoint, model, now) {
      // Nearly always empty: no digest then.
      if (open.size === 0) return null;
      const entry = open.get(keyOf(endpoint, model));
      return entry && entry.until > now ? remembered(entry.error, entry.until - now) : null;
    },
    coolDown(endpoint, model, error, now) {
      for (const [key, entry] of open) if (entry.until <= now) open.delete(key);
      open.set(keyOf(endpoint, model), { until: now + COOL_DOWN_MS, error });
    },
  };
}

function remembered(error: ModelError, ms: number): ModelError {
  const minutes = Math.ceil(ms / 60_000);
  const rest = `Not tried again for ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}, unless the key is changed.`;
  return new ModelError(error.kind, `${error.message.replace(/\.?$/, '.')} ${rest}`, {
    ...(error.status === undefined ? {} : { status: error.status }),
    cause: error,
  });
}

/** By endpoint, key and model, since a 403 may concern one model only. The key itself is not kept. */
function keyOf(endpoint: Endpoint, model: string): string {
  return createHash('sha256')
    .update([endpoint.baseUrl, endpoint.apiKey ?? '', model].join('\n'))
    .digest('base64');
}
