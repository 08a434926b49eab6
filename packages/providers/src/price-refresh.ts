/** Keeps the price list fresh, for those who want that: what ships with a version is as old as the version. */
import type { Provider } from '@pydantic/genai-prices';
import { z } from 'zod';
import { loadPriceList } from './pricing.ts';
import { readCapped } from './transport.ts';

const EVERY_MS = 24 * 60 * 60_000;
const TIMEOUT_MS = 60_000;
/** Ten times what it has. */
const MAX_BYTES = 16 * 1024 * 1024;

/** As far as it is relied on without being checked again. */
const Model = z.looseObject({
  id: z.string(),
  match: z.looseObject({}),
  prices: z.union([z.array(z.unknown()), z.looseObject({})]),
});
const PriceList = z.array(z.looseObject({ id: z.string(), models: z.array(Model) })).min(1);

export interface PriceRefreshOptions {
  /** Default: where the package's authors publish it. */
  url?: string;
  everyMs?: number;
}

/** As pino's. */
interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * Fetches the price list now and once a day, for this process. A failure is told to the log; the list in use stays.
 * @returns what stops it
 */
export function startPriceRefresh(log: Log, options: PriceRefreshOptions = {}): () => void {
  const stopping = new AbortController();
  const refresh = async () => {
    try {
      log.info({ vendors: await refreshPrices(options.url, stopping.signal) }, 'prices refreshed');
    } catch (err) {
      if (!stopping.signal.aborted) log.warn({ err }, 'prices not refreshed; those in use stay');
    }
  };
  void refresh();
  const timer = setInterval(refresh, options.everyMs ?? EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    stopping.abort();
  };
}

/** @throws {Error} when it cannot be fetched, or is no price list; the one in use is kept then */
async function refreshPrices(url: string | undefined, stopping: AbortSignal): Promise<number> {
  const { REMOTE_DATA_JSON_URL, updatePrices } = await loadPriceList();
  const response = await fetch(url ?? REMOTE_DATA_JSON_URL, {
    redirect: 'manual',
    signal: AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`The price list answered HTTP ${response.status}.`);
  }
  const list = PriceList.parse(JSON.parse(await readCapped(response, MAX_BYTES))) as unknown as Provider[];
  // It checks the prices before it takes them.
  updatePrices(({ setProviderData }) => setProviderData(list));
  return list.length;
}
