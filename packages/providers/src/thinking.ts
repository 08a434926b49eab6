/** How much a call is to make its model think, by the vendor's rules. */
import { matches } from './model-prefixes.ts';
import type { Compat, ModelCall } from './provider.ts';

type Thinking = NonNullable<ModelCall['thinking']>;

/** What to ask for, or null when nothing can or need be said. */
export function thinkingOf(call: Pick<ModelCall, 'model' | 'thinking'>, compat: Compat): Thinking | null {
  if (call.thinking === undefined || matches(compat.noThinking, call.model)) return null;
  return call.thinking === 'off' && matches(compat.alwaysThinks, call.model) ? 'low' : call.thinking;
}
