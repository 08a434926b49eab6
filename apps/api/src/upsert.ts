/** `PUT …/by-name/:name`: one record of the name, whoever asks at the same time and how often. */
import type { NamedKind } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import { DomainError, invalidField } from '@nightshift/core/errors';
import { findByName } from '@nightshift/core/references';

/** Each try meets another change of the same name. */
const maxTries = 5;

/**
 * Makes the record or replaces the one that is there. Somebody else may make or delete it meanwhile: then it is tried again.
 *
 * @throws {DomainError} ambiguous: earlier versions gave the name several times · what `create` and `replace` throw
 */
export async function upsert<Created, Replaced>(
  db: Database,
  teamId: string,
  kind: NamedKind,
  {
    name,
    given = name,
    create,
    replace,
  }: {
    name: string;
    /** The name in the body. */
    given?: string | undefined;
    create(name: string): Promise<Created>;
    replace(id: string): Promise<Replaced>;
  },
): Promise<{ status: 201; record: Created } | { status: 200; record: Replaced }> {
  if (given !== name) throw invalidField('name', 'must be the name in the path, or absent');
  for (let tries = 1; ; tries += 1) {
    const id = await findByName(db, teamId, kind, name);
    try {
      if (id === undefined) return { status: 201, record: await create(name) };
      return { status: 200, record: await replace(id) };
    } catch (error) {
      if (tries >= maxTries || !(await isOvertaken(error, id))) throw error;
    }
  }

  /** Whether the name has another record now, or none. */
  async function isOvertaken(error: unknown, id: string | undefined): Promise<boolean> {
    if (!(error instanceof DomainError) || (error.code !== 'conflict' && error.code !== 'not_found'))
      return false;
    return (await findByName(db, teamId, kind, name)) !== id;
  }
}
