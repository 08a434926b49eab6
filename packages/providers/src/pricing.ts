/** What a call costs, from the price list that ships with @pydantic/genai-prices, or from the team's own prices. */

import type { TokenPrices, TokenUsage } from '@nightshift/contracts';
import { trimEndOf } from '@nightshift/contracts/text';
import type { ModelPrice } from '@pydantic/genai-prices';
import { findVendor } from './catalog.ts';

export interface PriceOptions {
  /** Prices are dated. Default: now. */
  at?: Date;
  /** What holds where the list has no price. */
  prices?: TokenPrices | undefined;
}

/**
 * USD as a decimal string with at most 10 decimals, or null when the price is unknown: an unknown price is never 0.
 * Models on the user's own machines cost '0'.
 */
export async function costUsd(
  provider: string,
  model: string,
  usage: TokenUsage | null,
  { at, prices }: PriceOptions = {},
): Promise<string | null> {
  if (findVendor(provider)?.local) return '0';
  if (usage === null) return null;
  const listed = await calculate(provider, model, usage, at);
  if (listed) return toDecimal(listed.total_price);
  return prices ? ownCost(prices, usage) : null;
}

/** Whether the price list has the model at this vendor. */
export async function isPriced(provider: string, model: string): Promise<boolean> {
  return (await priceOf(provider, model)) !== null;
}

/** USD per million tokens today, at the lowest tier; null when the list has no price for both directions. */
export async function priceOf(
  provider: string,
  model: string,
): Promise<{ input: string; output: string } | null> {
  const price = (await calculate(provider, model, nothing))?.model_price;
  const [input, output] = [base(price?.input_mtok), base(price?.output_mtok)];
  return input !== null && output !== null ? { input, output } : null;
}

const nothing: TokenUsage = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };

async function calculate(provider: string, model: string, usage: TokenUsage, timestamp?: Date) {
  // Asked by the list's exact name: it takes any other that resembles one, a custom endpoint's `my-openai` too.
  const providerId = findVendor(provider)?.priceList;
  if (!providerId) return null;
  const { calcPrice } = await loadPriceList();
  // Vertex AI puts the publisher before the name.
  const name = providerId === 'google' ? model.replace(/^google\//, '') : model;
  try {
    return calcPrice(
      {
        input_tokens: usage.input,
        cache_read_tokens: usage.cachedInput,
        cache_write_tokens: usage.cacheWrite,
        output_tokens: usage.output,
      },
      name,
      { providerId, ...(timestamp ? { timestamp } : {}) },
    );
  } catch {
    // It throws when its data has no price for a kind of token that was used: then the cost is not known.
    return null;
  }
}

function ownCost({ input, output, cachedInput = input }: TokenPrices, usage: TokenUsage): string | null {
  const fresh = usage.input - usage.cachedInput;
  const micro =
    fresh * Number(input) + usage.cachedInput * Number(cachedInput) + usage.output * Number(output);
  return toDecimal(micro / 1_000_000);
}

/** A tiered price begins at its base. */
function base(price: ModelPrice[string]): string | null {
  const value = typeof price === 'object' ? price.base : price;
  return value === undefined ? null : toDecimal(value);
}

let priceList: Promise<typeof import('@pydantic/genai-prices')> | undefined;

/** At first use, since the list is large; the promise is kept because `import()` itself costs 10 µs each time. */
export function loadPriceList() {
  priceList ??= import('@pydantic/genai-prices');
  return priceList;
}

/** What the ledger can hold, in USD. */
const MAX_USD = 10_000_000;

/** A decimal string with at most 10 decimals; null for what is no cost. */
export function toDecimal(usd: number): string | null {
  if (!Number.isFinite(usd) || usd < 0 || usd > MAX_USD) return null;
  return trimEndOf(trimEndOf(usd.toFixed(10), '0'), '.');
}
