/** Models that are known by name, from the price list that ships with @pydantic/genai-prices. */
import { vendors } from './catalog.ts';
import { loadPriceList, priceListId } from './pricing.ts';

export interface KnownModel {
  /** As an agent's `model` takes it: `provider/model`. */
  ref: string;
  provider: string;
  /** In tokens; null when the list has none. */
  contextWindow: number | null;
  /** USD per million tokens at the lowest tier; null when the price depends on the date or is not listed. */
  price: { input: string; output: string } | null;
}

/** A tiered price begins at its base. */
function base(price: unknown): string | null {
  const value = typeof price === 'object' && price !== null ? (price as { base?: unknown }).base : price;
  return typeof value === 'number' ? String(value) : null;
}

/** Those of one vendor, or of all, in the catalogue's order. Deprecated ones are left out. */
export async function listModels(vendorId?: string): Promise<KnownModel[]> {
  const { findProvider } = await loadPriceList();
  return vendors
    .filter(({ id, baseUrl }) => baseUrl !== null && (vendorId === undefined || id === vendorId))
    .flatMap(({ id: provider }) =>
      (findProvider({ providerId: priceListId(provider) })?.models ?? [])
        .filter(({ deprecated }) => !deprecated)
        .map(({ id, context_window, prices }) => {
          const [input, output] = Array.isArray(prices)
            ? [null, null]
            : [base(prices.input_mtok), base(prices.output_mtok)];
          return {
            ref: `${provider}/${id}`,
            provider,
            contextWindow: context_window ?? null,
            price: input !== null && output !== null ? { input, output } : null,
          };
        }),
    );
}
