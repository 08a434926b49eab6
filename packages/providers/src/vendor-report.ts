/** What vendors say of a call besides its tokens: which model answered, and what they charge. Read from any wire's events. */
import { toDecimal } from './pricing.ts';
import type { Endpoint, ModelEvent, VendorReport } from './provider.ts';

type Loose = Record<string, unknown> | null | undefined;

export interface ReportReader {
  /** Takes note of an event of the wire, whatever it is. */
  read(event: unknown): void;
  /** The event with what was reported, where it is the last one and something was. */
  attach(event: ModelEvent): ModelEvent;
}

/** `asked`: the model that the call names. */
export function createReportReader(asked: string, { compat: { costField } }: Endpoint): ReportReader {
  const report: VendorReport = {};

  return {
    read(raw) {
      // Chat completions have it in the chunk, responses in `response`, Anthropic messages in `message`.
      const event = raw as Loose;
      const inner = (event?.response ?? event?.message) as Loose;
      const model = event?.model ?? inner?.model;
      if (typeof model === 'string' && model !== '' && model !== asked) report.model = model;
      if (costField === undefined) return;
      const cost = costOf((event?.usage ?? inner?.usage) as Loose, costField);
      if (cost !== null) report.costUsd = cost;
    },
    attach(event) {
      const isLast = event.type === 'done' || event.type === 'error';
      return isLast && Object.keys(report).length > 0 ? { ...event, report } : event;
    },
  };
}

/** More than any call costs, in USD. */
const MAX_COST = 10_000;

/** A decimal string of USD. Null: the vendor does not say, or says what is no cost. */
function costOf(usage: Loose, field: NonNullable<Endpoint['compat']['costField']>): string | null {
  if (!usage) return null;
  const [name, part] = field.split('.') as [string, string?];
  const value = part === undefined ? usage[name] : (usage[name] as Loose)?.[part];
  if (!isCost(value)) return null;
  const usd = field === 'cost_in_usd_ticks' ? value / 1e10 : value;
  const total = usd + (field === 'cost' ? upstreamCost(usage) : 0);
  return total <= MAX_COST ? toDecimal(total) : null;
}

/**
 * Of a call on the user's own key at another vendor OpenRouter charges its fee alone; what the other vendor charges is
 * beside it. Of other calls `cost` is all of it. https://openrouter.ai/docs/use-cases/usage-accounting
 */
function upstreamCost({ is_byok: isByok, cost_details: details }: NonNullable<Loose>): number {
  const upstream = (details as Loose)?.upstream_inference_cost;
  return isByok !== false && isCost(upstream) ? upstream : 0;
}

const isCost = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
