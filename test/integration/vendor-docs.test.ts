/** The pages about vendors, against the catalogue. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findVendor, parseModelRef, type Vendor, vendors, wiresOf } from '@nightshift/providers';
import { describe, expect, it } from 'vitest';

const page = (name: string) => fileURLToPath(new URL(`../../docs/providers/${name}`, import.meta.url));

const code = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(', ') || '–';

function row(vendor: Vendor): string {
  const parameters = Object.entries(vendor.parameters).map(([name, { env, default: preset }]) =>
    [`\`${name}\` (${code(env)})`, preset && `default \`${preset}\``].filter(Boolean).join(', '),
  );
  const cells = [
    `\`${vendor.id}\``,
    `[${vendor.name}](${vendor.docs})`,
    code(vendor.env),
    parameters.join('; ') || '–',
    code(wiresOf(vendor)),
    vendor.defaultModel ? `\`${vendor.defaultModel}\`` : '–',
    vendor.local ? 'free' : vendor.priceList ? 'yes' : '–',
  ];
  return `| ${cells.join(' | ')} |`;
}

const table = `# All vendors

Made from the catalogue (\`packages/providers/src/catalog\`) by \`test/integration/vendor-docs.test.ts\`, which fails when the two
differ: \`npx vitest run test/integration/vendor-docs.test.ts -u\` writes it anew. Base URLs: \`GET /v1/catalog/providers\`.

The first variable that is set holds the key. *Priced*: whether the price list knows the vendor's models; see
[prices](README.md#prices).

| id | vendor | variables | parameters | wires, the usual one first | default model | priced |
|---|---|---|---|---|---|---|
${vendors
  .filter(({ wire }) => wire !== 'demo')
  .map(row)
  .join('\n')}
`;

describe('docs/providers', () => {
  it('has every vendor in its table', async () => {
    await expect(table).toMatchFileSnapshot(page('vendors.md'));
  });

  const setup = readFileSync(page('setup.md'), 'utf8');

  it('sets up vendors that there are, with the parameters they want', () => {
    const commands = [...setup.matchAll(/`nightshift providers add ([^`]+)`/g)].map((match) => match[1]!);
    expect(commands.length).toBeGreaterThan(25);
    for (const command of commands) {
      const [id, ...rest] = command.split(' ');
      const vendor = findVendor(id!);
      expect(vendor, command).toBeDefined();
      const given = [...rest.join(' ').matchAll(/--parameter (\w+)=/g)].map((match) => match[1]!);
      const needed = Object.entries(vendor!.parameters).flatMap(([name, { default: preset }]) =>
        preset === undefined ? name : [],
      );
      expect(given.sort(), command).toEqual(needed.sort());
    }
  });

  it('names models of the vendor that a section is about', () => {
    const sections = setup.split(/^### /m).slice(1);
    expect(sections.length).toBeGreaterThan(25);
    for (const section of sections) {
      const id = /providers add ([\w-]+)/.exec(section)?.[1];
      const models = /^3\. Model: `([^`]+)`/m.exec(section)?.[1];
      if (models?.includes('/') && !models.endsWith('/')) expect(parseModelRef(models).provider).toBe(id);
    }
  });
});
