/** What a call cost, from the price list that ships with @pydantic/genai-prices (offline; nothing is fetched). */
import type { TokenUsage } from '@nightshift/contracts';
import { findVendor } from './catalog.ts';

/** Our vendor ids where the price list has another. */
const priceListIds: Record<string, string> = { xai: 'x-ai', moonshot: 'moonshotai' };

export const priceListId = (vendorId: string): string => priceListIds[vendorId] ?? vendorId;

/**
 * USD as a decimal string with at most 10 decimals, or null when the price is unknown: an unknown price is never 0.
 * Models on the user's own machines cost '0'. `at`: prices are dated.
 */
export async function costUsd(
  provider: string,
  model: string,
  usage: TokenUsage | null,
  at?: Date,
): Promise<string | null> {
  if (findVendor(provider)?.local) return '0';
  if (usage === null) return null;
  const { calcPrice } = await loadPriceList();
  try {
    const price = calcPrice(
      {
        input_tokens: usage.input,
        cache_read_tokens: usage.cachedInput,
        cache_write_tokens: usage.cacheWrite,
        output_tokens: usage.output,
      },
      model,
      { providerId: priceListId(provider), ...(at ? { timestamp: at } : {}) },
    );
    return price ? toDecimal(price.total_price) : null;
  } catch {
    // It throws when its data has no price for a kind of token that was used: then the cost is not known.
    return null;
  }
}

let priceList: Promise<typeof import('@pydantic/genai-prices')> | undefined;

/** At first use, since the list is large; the promise is kept because `import()` itself costs 10 µs each time. */
export function loadPriceList() {
  priceList ??= import('@pydantic/genai-prices');
  return priceList;
}

function toDecimal(usd: number): string | null {
  if (!Number.isFinite(usd) || usd < 0) return null;
  const fixed = usd.toFixed(10);
  return fixed.replace(/\.?0+$/, '');
}
