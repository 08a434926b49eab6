/** Released migrations stay as they are: installations refuse to start on a changed one. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflicts, type Migrations, readMigrations } from '../support/releases/migrations.ts';
import { checkout, latestRelease, releases } from '../support/releases/releases.ts';

const current = readMigrations(join(checkout, 'prisma/migrations'));

describe.each(releases)('the migrations of $version', ({ migrations }) => {
  it('are all there, unchanged, and before every other', () => {
    expect(Object.keys(migrations).length).toBeGreaterThan(0);
    expect(conflicts(migrations, current)).toEqual([]);
  });
});

describe('of the migrations that were released', () => {
  const { migrations: released } = latestRelease;
  const names = Object.keys(released);
  const without = (name: string): Migrations =>
    Object.fromEntries(Object.entries(current).filter(([other]) => other !== name));
  const anyReleased = fc.constantFrom(...names);

  it('each one that was changed is refused', () => {
    fc.assert(
      fc.property(anyReleased, (name) => {
        expect(conflicts(released, { ...current, [name]: '0'.repeat(64) })).toEqual([
          `${name} was changed: put the change into a new migration.`,
        ]);
      }),
    );
  });

  it('each one that was removed or renamed is refused', () => {
    fc.assert(
      fc.property(anyReleased, (name) => {
        expect(conflicts(released, without(name))).toEqual([
          `${name} is missing: it was removed or renamed.`,
        ]);
        const renamed = { ...without(name), [`${name}_again`]: released[name]! };
        expect(conflicts(released, renamed)).toContain(`${name} is missing: it was removed or renamed.`);
      }),
    );
  });

  it('none may be preceded by a new one', () => {
    fc.assert(
      fc.property(anyReleased, (name) => {
        // Sorts right before it.
        const early = `${name.slice(0, -1)}`;
        const last = names.at(-1);
        expect(conflicts(released, { ...current, [early]: 'abc' })).toEqual([
          `${early} is new and sorts before ${last}, which was released.`,
        ]);
      }),
    );
    expect(conflicts(released, { ...current, '99991231000000_later': 'abc' })).toEqual([]);
  });
});
