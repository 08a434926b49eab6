/** README and docs against the product: every command, option, call, field and variable that they name has to exist. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { channelCatalog } from '@nightshift/channels';
import { buildProgram } from '@nightshift/cli/program';
import { variableNames } from '@nightshift/core/env';
import { vendorVariables } from '@nightshift/providers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProduct } from '../support/api/index.ts';
import { checkDocument, type Product } from '../support/docs/claims.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const paths = globSync(['README.md', 'docs/**/*.md', 'CONTRIBUTING.md', 'SECURITY.md', 'ARCHITECTURE.md'], {
  cwd: root,
});

/** Of Node and of others, which documents tell to set. */
const others = ['NODE_EXTRA_CA_CERTS', 'POSTGRES_PASSWORD', 'BIND_ADDRESS', 'CI'];

let running: Awaited<ReturnType<typeof startProduct>>;
let product: Product;

beforeAll(async () => {
  running = await startProduct();
  product = {
    program: buildProgram(),
    scripts: Object.keys(JSON.parse(read('package.json')).scripts),
    openapi: await running.owner.expect(200, running.client(null).get('/openapi.json')),
    channels: channelCatalog as Product['channels'],
    variables: new Set([
      ...variableNames,
      ...vendorVariables,
      ...[...read('apps/cli/src/env.ts').matchAll(/source\.([A-Z_]+)|'(NIGHTSHIFT_[A-Z_]+)'/g)].map(
        (match) => match[1] ?? match[2]!,
      ),
      'NIGHTSHIFT_ENV_FILE',
      ...others,
    ]),
  };
});
afterAll(() => running.close());

it.each(paths)('%s', (path) => {
  const { problems } = checkDocument(read(path), product);
  expect(problems).toEqual([]);
});

it('finds something to check in every guide', () => {
  for (const { slug, name, docs, fields, defaults } of channelCatalog) {
    const text = read(docs);
    expect(checkDocument(text, product).claims, docs).toBeGreaterThan(4);
    for (const said of [
      `nightshift channels add ${slug}`,
      `"kind": "${slug}"`,
      '/v1/channels',
      'nightshift channels test ',
      ...(defaults.strangers === 'pair' ? ['nightshift channels pair '] : []),
    ])
      expect(text, `${docs}: ${said}`).toContain(said);
    for (const field of fields.filter(({ required, secret }) => required || secret))
      expect(text, `${docs}: the field ${field.name} of ${name}`).toMatch(
        new RegExp(`[\`"]${field.name}[\`"]`),
      );
  }
});

describe('what is wrong is found', () => {
  const wrong: [string, string][] = [
    ['```sh\nnightshift channels connect slack\n```', 'no command channels connect'],
    ['```sh\nnightshift channels add slack --agnet x\n```', 'no option --agnet'],
    ['```sh\nnightshift channels add slack --set moed=http\n```', 'slack has no field moed'],
    ['```sh\nnightshift channels add slack --set botToken=xoxb-1\n```', 'botToken is a secret'],
    ['```sh\nnightshift channels update X --secret-from-file nick=a\n```', 'nick is no secret'],
    ['```sh\nnightshift channels update X --set access.stranger=pair\n```', 'no field access.stranger'],
    ['```sh\nnightshift channels list --status broken\n```', '--status does not take broken'],
    ['```sh\nnightshift channels test\n```', 'an argument is missing'],
    ['```sh\nnightshift channels test A B\n```', 'one argument too many'],
    ['```sh\npass show x | npm run -s nightshift -- keys mint a\n```', 'no command keys mint'],
    ['```sh\nnpm run nightshift channels list\n```', 'npm needs "--"'],
    ['```sh\nnpm run lint\n```', 'no script lint'],
    ['```sh\nNIGHTSHIFT_PORT=1 npm start\n```', 'nothing reads the variable NIGHTSHIFT_PORT'],
    ['```sh\nKEY=$(nightshift keys create x --rank owner)\n```', 'no option --rank'],
    ['```sh\ncurl -s "$URL/v1/channel"\n```', 'no GET /v1/channel'],
    [
      '```sh\ncurl -X PUT localhost:3000/v1/channels/$ID -d \'{"name": "x"}\'\n```',
      'no PUT /v1/channels/$ID',
    ],
    ['```sh\ncurl "localhost:3000/v1/runs?limt=1"\n```', '/v1/runs takes no limt'],
    ['```sh\ncurl $URL/v1/channels -d \'{"kind": "irc", "agent": "x"}\'\n```', 'no field agent'],
    [
      '```sh\ncurl $URL/v1/channels -d @- <<EOF\n{"kind": "irc", "settings": {"server": "x"}}\nEOF\n```',
      'settings of irc have no server',
    ],
    ['```sh\ncurl $URL/v1/channels -d @- <<EOF\n{"kind": "ircc"}\nEOF\n```', 'no kind ircc'],
    ['```sh\ncurl $URL/v1/channels -d @- <<EOF\n{"kind": "irc",}\nEOF\n```', 'no JSON'],
    ['   ```sh\n   nightshift runs retri ID\n   ```', 'no command runs retri'],
    ['see `nightshift run list`', 'no command run'],
    ['with `--secrets-from-stdin`', 'no command has --secrets-from-stdin'],
    ['as `OUTBOUND_ALOW=x:1`', 'nothing reads the variable OUTBOUND_ALOW'],
    ['by `POST /v1/channels/:id/tests`', 'no POST /v1/channels/:id/tests'],
    ['by `PATCH /v1/channels/:id {"lively": true}`', 'no field lively'],
    ['by `PATCH /v1/channels/:id {"access": {"people": [], "group": {}}}`', 'no field access.group'],
    ['by `POST /v1/channels/:id/pairings {"kode"}`', 'no field kode'],
    ['of `/v1/agentz`', 'no call /v1/agentz'],
  ];
  it.each(wrong)('%s', (markdown, problem) => {
    expect(checkDocument(markdown, product).problems.join('\n')).toContain(problem);
  });

  it('in the documents themselves, when a name of theirs is changed', () => {
    const mutations: [RegExp, string][] = [
      [/nightshift channels add (\w+)/, 'nightshift channels ad $1'],
      [/ --agent assistant/, ' --assistant assistant'],
      [/"credentials": \{"(\w+)"/, '"credentials": {"$1x"'],
      [/"agentId"/, '"agentID"'],
      [/\$URL\/v1\/channels/, '$URL/v1/channel'],
      [/nightshift channels test/, 'nightshift channels probe'],
      [/\/pairings \{"code"/, '/pairings {"kode"'],
    ];
    for (const { docs } of channelCatalog) {
      const text = read(docs);
      let made = 0;
      for (const [pattern, replacement] of mutations) {
        if (!pattern.test(text)) continue;
        made++;
        expect(
          checkDocument(text.replace(pattern, replacement), product).problems,
          `${docs}: ${pattern}`,
        ).not.toEqual([]);
      }
      expect(made, docs).toBeGreaterThan(4);
    }
  });
});
