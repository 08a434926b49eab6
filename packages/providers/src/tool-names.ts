import { cutText, storableText } from '@nightshift/contracts';

/** Our tool names have dots (`time.now`); every wire wants `^[a-zA-Z0-9_-]{1,64}$`. */

export interface ToolNames {
  /** Our name → the wire's. */
  encode(name: string): string;
  /** The wire's name → ours. A name the model made up comes back as it is, up to 200 code units. */
  decode(name: string): string;
}

const MAX_LENGTH = 64;
const MAX_MADE_UP = 200;

/**
 * A table for one call. The same names in the same order give the same table, so that a vendor's prompt cache holds
 * from call to call; names that already fit keep themselves whoever comes first.
 */
export function createToolNames(names: Iterable<string>): ToolNames {
  const wireOf = new Map<string, string>();
  const ourOf = new Map<string, string>();
  const all = [...new Set(names)];
  const claim = (name: string, wire: string) => {
    wireOf.set(name, wire);
    ourOf.set(wire, name);
  };
  for (const name of all) if (fits(name)) claim(name, name);
  for (const name of all) {
    if (wireOf.has(name)) continue;
    const plain = name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, MAX_LENGTH) || '_';
    let wire = plain;
    for (let n = 2; ourOf.has(wire); n++) wire = `${plain.slice(0, MAX_LENGTH - 1 - String(n).length)}_${n}`;
    claim(name, wire);
  }
  return {
    encode: (name) => wireOf.get(name) ?? name,
    decode: (name) => ourOf.get(storableText(name)) ?? cutText(name, MAX_MADE_UP),
  };
}

function fits(name: string): boolean {
  return /^[a-zA-Z0-9_-]{1,64}$/.test(name);
}
