/** Whether a vendor has a model: what can be said when it is named, before anybody waits for its answer. */
import { listLiveModels } from './listing.ts';
import { isPriced } from './pricing.ts';
import { type Endpoint, ModelError } from './provider.ts';

/** `null`: it cannot be told; `why` is for people. */
export type ModelCheck =
  | { known: true }
  | { known: false; suggestions: string[] }
  | { known: null; why: string };

const MAX_SUGGESTIONS = 3;

/**
 * A model of the price list is known without a call; otherwise the endpoint's own list decides. Never rejects for
 * what the endpoint does.
 *
 * @param model the vendor's own id
 * @returns `suggestions`: the ids that are spelled most alike, nearest first
 */
export async function checkModel(endpoint: Endpoint, model: string): Promise<ModelCheck> {
  if (endpoint.wire === 'demo')
    return model === 'guide' ? { known: true } : { known: false, suggestions: ['guide'] };
  if (await isPriced(endpoint.provider, model)) return { known: true };
  try {
    const ids = (await listLiveModels(endpoint)).map(({ id }) => id);
    if (ids.length === 0) return { known: null, why: `${endpoint.provider} lists no model.` };
    if (isAmong(ids, model)) return { known: true };
    return { known: false, suggestions: nearest(model, ids) };
  } catch (error) {
    if (error instanceof ModelError) return { known: null, why: error.message };
    throw error;
  }
}

/** Ollama lists `qwen3:latest` for `qwen3`; OpenRouter and Hugging Face take `model:variant` of what they list. */
export function isAmong(ids: readonly string[], model: string): boolean {
  const known = new Set(ids.map((id) => id.toLowerCase()));
  const wanted = model.toLowerCase();
  const variantOf = /^([^:]+):/.exec(wanted)?.[1];
  return known.has(wanted) || known.has(`${wanted}:latest`) || (!!variantOf && known.has(variantOf));
}

function nearest(wanted: string, ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, distance: editDistance(wanted.toLowerCase(), id.toLowerCase()) }))
    .filter(({ id, distance }) => distance <= Math.max(id.length, wanted.length) / 2)
    .sort((a, b) => a.distance - b.distance || a.id.localeCompare(b.id))
    .slice(0, MAX_SUGGESTIONS)
    .map(({ id }) => id);
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
