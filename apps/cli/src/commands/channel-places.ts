/** Where a channel can speak, and choosing one of these places. */
import { createInterface } from 'node:readline/promises';
import type { Channel, KnownPlace, PlaceKind } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { type ListOptions, withPages } from '../options.ts';
import { takeList } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';

const kinds: PlaceKind[] = ['direct', 'group', 'channel', 'thread', 'topic', 'mail'];

interface PlacesOptions extends ListOptions {
  search?: string;
  kind?: PlaceKind;
}

export function addPlacesCommand(
  channels: Command,
  find: (cli: Cli, wanted: string) => Promise<Channel>,
): void {
  withPages(channels.command('places'))
    .description('List where a channel can speak: rooms, groups and people')
    .argument('<channel>', 'name or id')
    .option('--search <text>', 'a part of a name, of a person or of an address')
    .addOption(new Option('--kind <kind>', 'only those').choices(kinds))
    .addHelpText('after', '\nExample:\n  $ nightshift channels places Slack --search sales')
    .action(
      withCli(async (cli, wanted: string, { search: q, kind, ...options }: PlacesOptions) => {
        const { id } = await find(cli, wanted);
        const places = await takeList(
          cli,
          (page) => cli.client.channels.places(id, { ...page, q, kind }),
          options,
        );
        cli.print(places, () => render(cli, places));
      }),
    );
}

const nameOf = ({ name, people, address }: KnownPlace): string => name ?? people[0]?.name ?? address;

function render({ stdout }: Cli, places: readonly KnownPlace[]): string {
  if (places.length === 0) return 'It knows no place yet: write to the agent there first.\n';
  return table(
    places,
    [
      { header: 'NAME', value: nameOf, shrinks: true },
      { header: 'KIND', value: ({ kind }) => kind },
      { header: 'SPOKEN', value: ({ lastActivityAt }) => ago(lastActivityAt), optional: true },
      { header: 'ADDRESS', value: ({ address }) => address, shrinks: true, paint: stdout.style.dim },
    ],
    stdout,
  );
}

/** How many places are shown to choose from. */
const shown = 30;

/**
 * Reads `channel:place`. A channel alone is asked about, on a terminal.
 * @throws {CliError} usage
 */
export async function readDeliverTo(cli: Cli, given: string): Promise<{ channel: string; place: string }> {
  const at = given.indexOf(':');
  const [channel, place] = at < 0 ? [given, ''] : [given.slice(0, at), given.slice(at + 1)];
  if (channel.trim() === '') throw new CliError('usage', 'Give a channel and a place: "Slack:#sales".');
  if (place.trim() !== '') return { channel: channel.trim(), place: place.trim() };
  if (!process.stdin.isTTY || cli.json) {
    throw new CliError(
      'usage',
      'Give a channel and a place: "Slack:#sales".',
      `nightshift channels places ${JSON.stringify(channel)}`,
    );
  }
  return { channel: channel.trim(), place: await choose(cli, channel.trim()) };
}

async function choose(cli: Cli, channel: string): Promise<string> {
  const { data: places } = (await cli.client.channels.places(channel, { limit: shown }).next()).value!;
  if (places.length === 0)
    throw new CliError('failed', `${channel} knows no place yet: write to the agent there first.`);
  const rows = places.map((place, index) => ({ ...place, number: String(index + 1) }));
  cli.stderr.write(
    table(
      rows,
      [
        { header: '#', value: ({ number }) => number },
        { header: 'NAME', value: nameOf, shrinks: true },
        { header: 'KIND', value: ({ kind }) => kind },
        { header: 'ADDRESS', value: ({ address }) => address, shrinks: true },
      ],
      cli.stderr,
    ),
  );
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await lines.question('Deliver to (number or name): ')).trim();
    if (answer === '') throw new CliError('usage', 'Nothing was chosen.');
    return rows.find(({ number }) => number === answer)?.address ?? answer;
  } finally {
    lines.close();
  }
}
