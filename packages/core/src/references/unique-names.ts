/**
 * Names that address are unique in their team from now on. Earlier versions gave names twice, and may be at work beside
 * this one, so no index says it: whoever gives a name holds a lock on it. Names that stand twice stay as they are, and mean
 * nothing for certain until one of them is changed (`resolveReference`).
 */
import { cutText, kindNames, type NamedKind } from '@nightshift/contracts';
import { nameTaken } from '../errors/index.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { tables } from './tables.ts';

type Transaction = Prisma.TransactionClient;

const lockNamespace = 7_306_017;

/** Of a name, in UTF-16 units. */
const longest = 100;

async function holderOf(
  tx: Transaction,
  kind: NamedKind,
  teamId: string,
  name: string,
  { except = null, among }: Claim,
) {
  const { table, live, named = 'true' } = tables[kind];
  await tx.$executeRaw`
    SELECT pg_advisory_xact_lock(hashtextextended(${`${kind} ${teamId} ${name}`}, ${lockNamespace}))`;
  const rows = await tx.$queryRaw<{ id: string; name: string }[]>`
    SELECT id, name FROM ${Prisma.raw(`"${table}"`)}
    WHERE team_id = ${teamId}::uuid AND name = ${name} AND id IS DISTINCT FROM ${except}::uuid
      AND ${Prisma.raw(live)} AND ${among ?? Prisma.raw(named)}
    ORDER BY id LIMIT 1`;
  return rows[0];
}

export interface Claim {
  /** The record that is to have the name, where there is one. */
  except?: string | null;
  /** Among which records the name is to be one's. Default: all that are addressed by name. */
  among?: Prisma.Sql | undefined;
}

/** Holds the name until the transaction ends. @throws {DomainError} conflict: another record has it */
export async function claimName(
  tx: Transaction,
  kind: NamedKind,
  teamId: string,
  name: string,
  claim: Claim = {},
): Promise<void> {
  const holder = await holderOf(tx, kind, teamId, name, claim);
  if (holder) throw nameTaken(kindNames[kind], name, holder);
}

/** As `claimName`, of a name that nobody chose: with the first number that makes it free. @returns the name */
export async function claimFreeName(
  tx: Transaction,
  kind: NamedKind,
  teamId: string,
  wanted: string,
  claim: Claim = {},
): Promise<string> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${cutText(wanted, longest - 7)} ${number}`;
    if (!(await holderOf(tx, kind, teamId, name, claim))) return name;
  }
}
