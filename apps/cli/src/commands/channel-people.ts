/** Whom a channel has met. */
import type { Channel, Identity, IdentityStatus } from '@nightshift/contracts';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { pick, takeAll, wholePages } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

export async function askCrowd(
  cli: Cli,
  channel: Channel,
  { status, approve, block }: { status?: IdentityStatus[]; approve?: string; block?: string },
): Promise<void> {
  const { client } = cli;
  if (approve !== undefined && block !== undefined)
    throw new CliError('usage', 'Approve or block, not both at once.');
  const wanted = approve ?? block;
  const people = await takeAll(client.channels.identities(channel.id, { ...wholePages, status }));
  if (wanted === undefined) return cli.print(people, () => render(cli, people));
  const { id } = pick(people, wanted, {
    kind: 'person',
    namesOf: ({ name, externalId }: Identity) => [...(name ? [name] : []), externalId],
  });
  const decided = await client.channels.decide(
    channel.id,
    id,
    approve === undefined ? 'blocked' : 'approved',
  );
  cli.print(
    decided,
    () =>
      `${oneLine(decided.name ?? decided.externalId)} is ${decided.status} in ${oneLine(channel.name)}.\n`,
  );
}

function render({ stdout }: Cli, people: readonly Identity[]): string {
  if (people.length === 0) return 'Nobody has written here yet.\n';
  return table(
    people,
    [
      { header: 'NAME', value: ({ name, externalId }) => name ?? externalId, shrinks: true },
      // What is only a name can be neither approved nor linked.
      { header: 'STATUS', value: ({ status, vouched }) => (vouched ? status : `${status}, only a name`) },
      { header: 'WAITING', value: ({ heldMessages }) => (heldMessages > 0 ? String(heldMessages) : '-') },
      { header: 'SEEN', value: ({ lastSeenAt }) => ago(lastSeenAt) },
      { header: 'THERE', value: ({ externalId }) => externalId, shrinks: true, optional: true },
      { header: 'ID', value: ({ id }) => id, paint: stdout.style.dim },
    ],
    stdout,
  );
}
