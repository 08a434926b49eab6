/** Models that can be named: of the price list that ships with @pydantic/genai-prices, and of a vendor's own list. */
import { findVendor, vendors } from './catalog.ts';
import { listLiveModels } from './listing.ts';
import { loadPriceList, priceOf } from './pricing.ts';
import type { Endpoint } from './provider.ts';

/** prices: the price list knows it · live: the vendor lists it for this key */
export type ModelSource = 'prices' | 'live';

export interface KnownModel {
  /** As an agent's `model` takes it: `provider/model`. */
  ref: string;
  provider: string;
  /** In tokens; null when nobody says. */
  contextWindow: number | null;
  /** USD per million tokens, today's and at the lowest tier; null when it is not listed. */
  price: { input: string; output: string } | null;
  sources: ModelSource[];
}

/** Those of the price list: of one vendor, or of all, in the catalogue's order. Deprecated ones are left out. */
export async function listModels(vendorId?: string): Promise<KnownModel[]> {
  const { findProvider } = await loadPriceList();
  const models: KnownModel[] = [];
  for (const { id: provider, priceList } of vendors) {
    if (!priceList || (vendorId !== undefined && vendorId !== provider)) continue;
    for (const { id, context_window, deprecated } of findProvider({ providerId: priceList })?.models ?? []) {
      if (deprecated) continue;
      models.push({
        ref: `${provider}/${id}`,
        provider,
        contextWindow: context_window ?? null,
        price: await priceOf(provider, id),
        sources: ['prices'],
      });
    }
  }
  return models;
}

/**
 * What the endpoint lists, with what the price list knows of it; then what only the price list has.
 * @throws {ModelError} when the endpoint's list cannot be read
 */
export async function listAllModels(endpoint: Endpoint): Promise<KnownModel[]> {
  const { provider } = endpoint;
  const [live, priced] = await Promise.all([listLiveModels(endpoint), listModels(provider)]);
  const byRef = new Map(priced.map((model) => [model.ref, model]));
  const models: KnownModel[] = [];
  for (const { id, contextWindow } of live) {
    const ref = `${provider}/${id}`;
    const known = byRef.get(ref);
    byRef.delete(ref);
    const price = known?.price ?? (await priceOf(provider, id));
    models.push({
      ref,
      provider,
      contextWindow: contextWindow ?? known?.contextWindow ?? null,
      price,
      sources: known || price ? ['prices', 'live'] : ['live'],
    });
  }
  return [...models, ...byRef.values()];
}

/** In tokens, from the price list; null when it does not know the model. */
export async function contextWindowOf(provider: string, model: string): Promise<number | null> {
  const providerId = findVendor(provider)?.priceList;
  if (!providerId) return null;
  const { calcPrice } = await loadPriceList();
  try {
    return calcPrice({}, model, { providerId })?.model.context_window ?? null;
  } catch {
    // The list has the model without a price that can be read.
    return null;
  }
}
