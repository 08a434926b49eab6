/** Two servers on one machine, on ports that nobody chose: what each one's banner says works as it stands there. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { banner } from '@nightshift/standalone/banner';
import { readEnv } from '@nightshift/standalone/env';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bareEnvironment, type RunningProduct, startProduct } from '../support/product.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const launcher = join(root, 'scripts/nightshift.mjs');

let scratch: string;
let products: RunningProduct[];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'nightshift-side-'));
  writeFileSync(join(scratch, 'first.env'), 'PORT=0\nLOG_LEVEL=warn\n');
  products = await Promise.all([
    // Of the file, since the environment names no port.
    startProduct({ env: { NIGHTSHIFT_ENV_FILE: join(scratch, 'first.env') }, unset: ['PORT'] }),
    startProduct({ env: { PORT: '0' } }),
  ]);
});

afterAll(async () => {
  await Promise.all((products ?? []).map((product) => product.stop()));
  rmSync(scratch, { recursive: true });
});

/** As a shell in the checkout runs it. */
async function shell(command: string, stdin = '', env: Record<string, string> = {}) {
  const child = spawn('sh', ['-c', command], { cwd: root, env: bareEnvironment(env) });
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
}

/** As it is shown on a terminal, of what the log says elsewhere. */
function bannerOf({ output, dataDirectory }: RunningProduct): string {
  const line = output.split('\n').find((each) => each.includes('"msg":"Nightshift is ready"'))!;
  const { url, address, adminKeyPath } = JSON.parse(line);
  const env = readEnv(bareEnvironment({ NIGHTSHIFT_DATA: dataDirectory }));
  return banner({ url, address, adminKeyPath, newAdminKey: null, dataDirectory, env });
}

const lineOf = (product: RunningProduct, label: string) =>
  bannerOf(product)
    .split('\n')
    .find((line) => line.includes(label))!
    .split(`${label}:`)[1]!
    .trim();
const addressOf = ({ dataDirectory }: RunningProduct) =>
  readFileSync(join(dataDirectory, 'address'), 'utf8').trim();

it('says what reaches this very server', async () => {
  const [first, second] = products.map(addressOf);
  expect(first).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(first).not.toBe(second);
  for (const product of products) {
    expect(statSync(join(product.dataDirectory, 'address')).mode & 0o777).toBe(0o600);
    expect(lineOf(product, 'Nightshift is ready')).toBe(addressOf(product));

    const curl = await shell(lineOf(product, 'With curl'));
    expect(JSON.parse(curl.stdout).data).toMatchObject([{ name: 'assistant' }]);

    const chat = await shell(lineOf(product, 'Talk to an agent'), 'What time is it?');
    expect(chat, chat.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('Demo model') });
    const runs = await fetch(`${addressOf(product)}/v1/runs`, {
      headers: { authorization: `Bearer ${product.adminKey}` },
    });
    expect(((await runs.json()) as { data: unknown[] }).data).toHaveLength(1);
  }
});

it('is found by its data directory, whatever port the file or another server has', async () => {
  const [first, second] = products as [RunningProduct, RunningProduct];
  const agents = (env: Record<string, string>, ...args: string[]) =>
    promisify(execFile)(process.execPath, [launcher, 'doctor', '--json', ...args], {
      env: bareEnvironment(env),
    }).then(
      ({ stdout }) =>
        JSON.parse(stdout).findings.find(({ name }: { name: string }) => name === 'server').detail,
    );
  const port = new URL(addressOf(second)).port;
  const at = (product: RunningProduct) => `answers at ${addressOf(product)}`;
  expect(await agents({ NIGHTSHIFT_DATA: first.dataDirectory })).toBe(at(first));
  expect(await agents({ NIGHTSHIFT_DATA: first.dataDirectory, PORT: '0' })).toBe(at(first));
  writeFileSync(join(scratch, 'port.env'), `PORT=${port}\nNIGHTSHIFT_DATA=${first.dataDirectory}\n`);
  expect(await agents({ NIGHTSHIFT_ENV_FILE: join(scratch, 'port.env') })).toBe(at(first));
  // What the command itself is given counts more.
  expect(await agents({ NIGHTSHIFT_DATA: second.dataDirectory, PORT: port })).toBe(at(second));
  expect(
    await agents(
      { NIGHTSHIFT_DATA: first.dataDirectory, NIGHTSHIFT_API_KEY: second.adminKey },
      '--url',
      addressOf(second),
    ),
  ).toBe(at(second));
});

it('names the line of .env that is wrong, and starts nothing', async () => {
  const data = join(scratch, 'data');
  writeFileSync(join(scratch, 'wrong.env'), 'LOG_LEVEL=info\nOPENAI_API_KEY sk-secret\n');
  const env = { NIGHTSHIFT_ENV_FILE: join(scratch, 'wrong.env'), NIGHTSHIFT_DATA: data };
  for (const script of ['start.mjs', 'nightshift.mjs agents list']) {
    const { code, stdout, stderr } = await shell(`${process.execPath} scripts/${script}`, '', env);
    expect(code).not.toBe(0);
    expect(stderr).toContain(`${join(scratch, 'wrong.env')}, line 2: it has to be NAME=value`);
    expect(stdout + stderr).not.toContain('sk-secret');
  }
  expect(existsSync(data)).toBe(false);
});

it('is not looked for where a killed server was', async () => {
  const product = await startProduct({ env: { PORT: '0' } });
  const address = addressOf(product);
  process.kill(product.pid, 'SIGKILL');
  await expect
    .poll(
      () =>
        fetch(`${address}/healthz`).then(
          () => 'up',
          () => 'down',
        ),
      { timeout: 60_000 },
    )
    .toBe('down');
  expect(existsSync(join(product.dataDirectory, 'address'))).toBe(true);
  const env = { NIGHTSHIFT_DATA: product.dataDirectory, PORT: '0' };
  const { code, stderr } = await shell(`${process.execPath} ${launcher} agents list`, '', env);
  expect(code).toBe(2);
  expect(stderr).toContain('no server is running on the data directory');
  await product.stop();
});
