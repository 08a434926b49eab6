/**
 * What an attempt has used and what it costs. A vendor that does not say, or says what cannot be, has not said zero: then
 * what was sent and what came back are estimated, and the ledger's row is marked so.
 */
import type { TokenUsage } from '@nightshift/contracts';
import { outputOf } from './estimate.ts';
import { costUsd } from './pricing.ts';
import type { Endpoint, ModelError, ModelErrorKind, VendorReport } from './provider.ts';

export interface Settlement {
  /** Null: nothing was used, or nothing was answered that could be. */
  usage: TokenUsage | null;
  /** The vendor did not say what was used, or said what cannot be: at least a part of `usage` is our estimate. */
  estimated: boolean;
  /** Decimal string; '0' where nothing was used. Null: the price is unknown, which is not 0. */
  costUsd: string | null;
  /** It is what the vendor says that it charges, rather than computed from prices. */
  costReported: boolean;
}

export interface AttemptUse {
  provider: string;
  /** That was asked. */
  model: string;
  endpoint: Pick<Endpoint, 'prices'>;
  /** Null: it went well. */
  error: ModelError | null;
  /** The vendor took the call: it may charge for it. */
  accepted: boolean;
  /** What was sent, in tokens: the reservation's estimate. */
  inputTokens: number;
  /** What came back: bytes of text, of thinking and of tool calls, in UTF-8. */
  outputBytes: number;
  /** As the vendor counts it; 0: it did not say, or nothing that makes sense. */
  usage: TokenUsage | null;
  report: VendorReport | undefined;
}

export async function settle(attempt: AttemptUse): Promise<Settlement> {
  if (isFree(attempt)) return { usage: null, estimated: false, costUsd: '0', costReported: false };
  const { usage, estimated } = usageOf(attempt);
  const listed = await listedCost(attempt, usage);
  const reported = attempt.report?.costUsd;
  // A cost of zero is what free models have. For one that has a price, it is no cost but the lack of one.
  if (reported !== undefined && !(Number(reported) === 0 && Number(listed) > 0))
    return { usage, estimated, costUsd: reported, costReported: true };
  return { usage, estimated, costUsd: listed, costReported: false };
}

function usageOf({ error, inputTokens, outputBytes, usage: counted }: AttemptUse): {
  usage: TokenUsage;
  estimated: boolean;
} {
  const output = outputOf(outputBytes);
  if (counted === null) return { usage: withoutDetails(inputTokens, output.high), estimated: true };
  // What broke off is counted up to somewhere, by some vendors up to its first token.
  const enough = counted.output >= (error === null ? output.least : output.low);
  if (enough && counted.input > 0) return { usage: counted, estimated: false };
  if (enough)
    return { usage: { ...counted, ...withoutDetails(inputTokens, counted.output) }, estimated: true };
  const written = Math.max(counted.output, output.high);
  if (error !== null && counted.input > 0) return { usage: { ...counted, output: written }, estimated: true };
  // Who counts next to nothing for an answer is not believed about the rest either.
  return { usage: withoutDetails(Math.max(counted.input, inputTokens), written), estimated: true };
}

const withoutDetails = (input: number, output: number): TokenUsage => ({
  ...{ input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 },
});

/** By the price of the model that answered, where that is another one and has a price: the vendor charges for it. */
async function listedCost(
  { provider, model, endpoint: { prices }, report }: AttemptUse,
  usage: TokenUsage,
): Promise<string | null> {
  const answered = report?.model === undefined ? null : await costUsd(provider, report.model, usage);
  return answered ?? costUsd(provider, model, usage, { prices });
}

/** The connection was not made. */
const notReached = (code: string) =>
  code.includes('CERT') ||
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|UNABLE_TO_\w+|ERR_(TLS|SSL)_\w+)$/.test(
    code,
  );

/** How a call ends of which nobody knows whether the vendor has worked on it. */
const undecided: ReadonlySet<ModelErrorKind> = new Set([
  'network',
  'timeout',
  'truncated',
  'aborted',
  'server',
  'content',
]);

/** Vendors charge nothing for a call that they refuse, and nobody does for one that reached nobody. */
function isFree({ error, accepted, outputBytes, usage }: AttemptUse): boolean {
  if (error === null || outputBytes > 0 || (usage?.input ?? 0) > 0) return false;
  if (accepted) return !undecided.has(error.kind);
  if (error.status !== undefined && error.status >= 300) return true;
  return !undecided.has(error.kind) || notReached(String((error.cause as { code?: unknown })?.code));
}
