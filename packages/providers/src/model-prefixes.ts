/** Rules that hold for some of a vendor's models. */
import type { ModelPrefixes } from './provider.ts';

/** Whether the model is one of those: `true` is every model. */
export function matches(prefixes: boolean | ModelPrefixes | undefined, model: string): boolean {
  if (typeof prefixes === 'boolean') return prefixes;
  return prefixes?.some((prefix) => model.startsWith(prefix)) === true;
}
