/** Who comes first: the candidates of a call in order of preference, before anything is known of their health. */
import { hash } from 'node:crypto';
import { matches } from './model-prefixes.ts';
import type { Pick, Target, TargetKey } from './plan.ts';

export interface Order {
  pick: Pick;
  /** The same for what stays together, e.g. a conversation's id. */
  seed: string;
  /** `provider/model` that answered there last. */
  lastTarget: string | null;
  hasImages: boolean;
  /** For `cheapest`: USD of this call. Null: unknown. */
  costOf(target: Target): number | null;
  /** For `fastest`: milliseconds to the first token. Null: not measured. */
  firstTokenOf(target: Target): number | null;
}

export const nameOf = ({ provider, model }: { provider: string; model: string }): string =>
  `${provider}/${model}`;

/**
 * The targets, best first: those that see the call's images before those that do not, then by tier, then the one that
 * the conversation has its prompt cache at, then by the pick. A share of 0 is the end of its tier.
 */
export function orderTargets(targets: readonly Target[], order: Order): Target[] {
  const { pick, hasImages, lastTarget } = order;
  return sortBy(targets, (target, index) => {
    const blind =
      hasImages && target.candidates.every(({ endpoint }) => matches(endpoint.compat.textOnly, target.model));
    const drained = pick === 'weight' && target.weight === 0;
    return [
      Number(blind),
      target.tier ?? 1,
      Number(drained),
      Number(nameOf(target) !== lastTarget),
      rankOf(target, order),
      index,
    ];
  });
}

/** Smaller is better. */
function rankOf(target: Target, { pick, seed, costOf, firstTokenOf }: Order): number {
  switch (pick) {
    case 'order':
      return 0;
    case 'weight':
      return draw(seed, nameOf(target), target.weight ?? 1);
    case 'cheapest':
      return costOf(target) ?? Number.POSITIVE_INFINITY;
    case 'fastest':
      // One that was not measured goes first, so that it is.
      return firstTokenOf(target) ?? -1;
  }
}

/** The keys of a target: each conversation has its own, as long as that works, since prompt caches are an account's. */
export function orderKeys(keys: readonly TargetKey[], seed: string): readonly TargetKey[] {
  if (keys.length < 2) return keys;
  return sortBy(keys, ({ credentialId, weight = 1 }, index) => [
    Number(weight === 0),
    draw(seed, credentialId ?? '', weight),
    index,
  ]);
}

/**
 * Weighted rendezvous hashing: of all names, the one with the least draw wins, each as often as its weight says. The
 * same conversation draws the same every time, in every process, and only those whose winner is gone draw anew.
 * https://en.wikipedia.org/wiki/Rendezvous_hashing#Weighted_rendezvous_hash
 */
function draw(seed: string, name: string, weight: number): number {
  if (weight === 0) return 0;
  const digest = hash('sha256', `${seed}\n${name}`, 'buffer');
  const uniform = (digest.readUInt32BE(0) + 0.5) / 2 ** 32;
  return -Math.log(uniform) / weight;
}

/** By the first number that differs. */
function sortBy<T>(items: readonly T[], rank: (item: T, index: number) => readonly number[]): T[] {
  return items
    .map((item, index) => ({ item, rank: rank(item, index) }))
    .sort((a, b) => {
      const at = a.rank.findIndex((value, index) => value !== b.rank[index]);
      return at === -1 ? 0 : a.rank[at]! - b.rank[at]!;
    })
    .map(({ item }) => item);
}
