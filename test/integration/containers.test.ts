/** Dockerfile, docker-compose.yml and .env.example against the code they name. No container is started. */
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { vendorVariables } from '@nightshift/providers';
import { nodeFlags } from '@nightshift/standalone/node-flags';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  image: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string | number>;
  ports?: string[];
  container_name?: string;
  stop_grace_period?: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  user?: string;
  mem_limit?: string;
  memswap_limit?: string;
  pids_limit?: number;
  logging?: { driver: string; options: Record<string, string> };
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  read_only?: boolean;
  privileged?: boolean;
  tmpfs?: string[];
  volumes?: string[];
  networks?: string[];
}

const composeText = read('docker-compose.yml');
const compose = parse(composeText, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean }>;
};
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build !== undefined);
const service = (name: string) => compose.services[name]!;

const dockerfile = read('Dockerfile')
  .split('\n')
  .filter((line) => !line.startsWith('#'));
const instructions = (name: string) =>
  dockerfile.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));

const ignored = read('.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Whether the build gets to see a path: neither it nor a directory above it is ignored. */
function isInContext(path: string): boolean {
  const parts = path.replace(/\/$/, '').split('/');
  const ways = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  return existsSync(join(root, path)) && !ways.some((way) => ignored.some((rule) => matchesGlob(way, rule)));
}

/** The variables of the servers' environment, as packages/core/src/env/env.ts declares them. */
const declared = [...read('packages/core/src/env/env.ts').matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(
  (m) => m[1]!,
);
const modelKeys = vendorVariables;
/** The variables that compose itself reads. */
const interpolated = [...composeText.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1]!);
const secrets = ['POSTGRES_PASSWORD', 'NIGHTSHIFT_SECRET_KEY', 'NIGHTSHIFT_ADMIN_KEY'];

function seconds(duration: string | undefined): number {
  const match = /^(\d+)s$/.exec(duration ?? '');
  if (!match) throw new Error(`"${duration}" is no number of seconds`);
  return Number(match[1]);
}

/** Runs a health check's script against an answer of `status`. */
async function askReadiness(script: string, status: number): Promise<{ asked: string[]; exit: number }> {
  const asked: string[] = [];
  const exit = await new Promise<number>((resolve) => {
    runInNewContext(script, {
      fetch: async (url: string) => {
        asked.push(url);
        return new Response(null, { status });
      },
      process: { exit: resolve },
    });
  });
  return { asked, exit };
}

describe('Dockerfile', () => {
  it('runs the minor version of Node that package.json pins', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
    const [major, minor] = devDependencies.node.split('.');
    expect(instructions('FROM')[0]).toMatch(new RegExp(`^node:${major}\\.${minor}-\\w+-slim AS `));
  });

  it('copies what the build gets to see', () => {
    const sources = instructions('COPY')
      .filter((line) => !line.startsWith('--from='))
      .flatMap((line) => line.split(' ').slice(0, -1));
    expect(sources).toContain('.');
    expect(sources.filter((path) => path !== '.' && !isInContext(path))).toEqual([]);
  });

  it('is given no secret, no data and nothing installed on this machine', () => {
    const kept = [
      '.env',
      '.env.local',
      '.git',
      'data',
      'node_modules',
      'apps/api/node_modules',
      'test/support',
    ];
    expect(
      kept.filter((path) => !ignored.some((rule) => matchesGlob(path, rule) || path.startsWith(`${rule}/`))),
    ).toEqual([]);
  });

  it('ends as an ordinary user, with a command that gets the signals itself', () => {
    expect(instructions('USER')).toEqual(['node']);
    const [command] = instructions('CMD');
    expectNode(JSON.parse(command!) as string[]);
  });
});

/** Node runs a file of the image, a server with the flags that it has everywhere. */
function expectNode([program, ...rest]: readonly string[]): void {
  expect(program).toBe('node');
  const flags = rest.filter((argument) => argument.startsWith('--'));
  const file = rest[flags.length]!;
  expect(isInContext(file)).toBe(true);
  expect(flags).toEqual(file.startsWith('apps/') ? nodeFlags : []);
}

describe('docker-compose.yml', () => {
  it('runs files that are in the image', () => {
    expect(ours.map(([name]) => name).sort()).toEqual(['api', 'migrate', 'worker']);
    for (const [, { command }] of ours) expectNode(command!);
  });

  it('starts no server before the migrations are done and the datastores answer', () => {
    for (const name of ['api', 'worker']) {
      expect(service(name).depends_on).toEqual({
        migrate: { condition: 'service_completed_successfully' },
        postgres: { condition: 'service_healthy' },
        redis: { condition: 'service_healthy' },
      });
    }
    expect(services.filter(([name, { healthcheck }]) => name !== 'migrate' && !healthcheck)).toEqual([]);
  });

  it('refuses to start without its secrets, and has no default for them', () => {
    const uses = [...composeText.matchAll(/\$\{([A-Z_]+)([^}]*)\}/g)].map((m) => [m[1]!, m[2]!] as const);
    for (const secret of secrets) {
      const modifiers = uses.filter(([name]) => name === secret).map(([, modifier]) => modifier);
      expect(modifiers.some((modifier) => modifier.startsWith(':?'))).toBe(true);
      expect(modifiers.filter((modifier) => modifier !== '' && !modifier.startsWith(':?'))).toEqual([]);
    }
  });

  it('publishes the api alone, on loopback unless told otherwise', () => {
    expect(services.filter(([, { ports }]) => ports).map(([name]) => name)).toEqual(['api']);
    expect(service('api').ports).toEqual([
      expect.stringMatching(/^\$\{BIND_ADDRESS:-127\.0\.0\.1\}:.*:3000$/),
    ]);
    expect(service('api').environment?.PORT).toBe(3000);
  });

  it('bounds what every container may take: memory, processes, logs', () => {
    for (const [name, { mem_limit, memswap_limit, pids_limit, logging }] of services) {
      expect(mem_limit, name).toMatch(/^\d+[mg]$/);
      expect(memswap_limit, name).toBe(mem_limit);
      expect(pids_limit, name).toBeGreaterThan(0);
      expect(logging, name).toEqual({
        driver: 'json-file',
        options: { 'max-size': expect.stringMatching(/^\d+m$/), 'max-file': expect.stringMatching(/^\d+$/) },
      });
    }
    const megabytes = (text: string) => Number.parseInt(text, 10) * (text.endsWith('g') ? 1024 : 1);
    const { command = [], mem_limit = '' } = service('redis');
    const own = command[command.indexOf('--maxmemory') + 1]!.replace('mb', 'm');
    expect(megabytes(mem_limit)).toBeGreaterThan(1.5 * megabytes(own));
    // A process for each connection, and its own.
    const connections = Number(/max_connections=(\d+)/.exec(service('postgres').command!.join(' '))![1]);
    expect(service('postgres').pids_limit).toBeGreaterThan(connections + 50);
  });

  it('gives no container more rights than it needs, and nothing to write on but what it keeps', () => {
    for (const [name, each] of services) {
      expect(each, name).toMatchObject({
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        read_only: true,
      });
      expect(each.privileged, name).toBeUndefined();
    }
    const added = services.filter(([, { cap_add }]) => cap_add).map(([name, { cap_add }]) => [name, cap_add]);
    expect(added).toEqual([['postgres', ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID']]]);
    expect(service('redis').user).toBe('redis');
    expect(services.flatMap(([, { volumes = [] }]) => volumes)).toEqual(['postgres:/var/lib/postgresql']);
  });

  it('keeps the datastores on a network that leads nowhere', () => {
    expect(compose.networks).toEqual({ datastores: { internal: true } });
    for (const name of ['postgres', 'redis']) expect(service(name).networks).toEqual(['datastores']);
    for (const [name, { networks }] of ours) expect(networks, name).toEqual(['default', 'datastores']);
  });

  it('lets workers be scaled', () => {
    expect(service('worker').container_name).toBeUndefined();
    expect(service('worker').ports).toBeUndefined();
  });

  it('waits for a stopping worker longer than it takes to drain', () => {
    // apps/worker/src/main.ts ends the process 4 s after the drain time at the latest.
    const drain = Number(service('worker').environment?.WORKER_DRAIN_SECONDS);
    expect(seconds(service('worker').stop_grace_period)).toBeGreaterThan(drain + 4);
    // apps/api/src/main.ts ends the process after 8 s at the latest.
    expect(seconds(service('api').stop_grace_period)).toBeGreaterThan(8);
  });

  it('asks the servers for their readiness where they listen', async () => {
    const { PORT } = service('api').environment!;
    expect(service('worker').environment?.WORKER_PORT).toBe(PORT);
    for (const name of ['api', 'worker']) {
      const [how, program, flag, script, ...rest] = service(name).healthcheck!.test;
      expect([how, program, flag, rest]).toEqual(['CMD', 'node', '-e', []]);
      expect(await askReadiness(script!, 200)).toEqual({
        asked: [`http://127.0.0.1:${PORT}/readyz`],
        exit: 0,
      });
      expect(await askReadiness(script!, 503)).toMatchObject({ exit: 1 });
    }
  });

  it('sets only variables that the servers know', () => {
    const set = ours.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(declared).toContain('DATABASE_URL');
    expect(declared).toEqual(expect.arrayContaining([...new Set(set)]));
  });

  it('keeps a Redis that refuses rather than forgets', () => {
    const { command = [] } = service('redis');
    expect(command[command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction');
  });
});

describe('.env.example', () => {
  const listed = [...read('.env.example').matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1]!);

  it('lists each variable once, and all there are', () => {
    const known = [...new Set([...declared, ...modelKeys, ...interpolated])];
    expect([...listed].sort()).toEqual(known.sort());
  });

  it('holds no value for a secret', () => {
    const values = new Map(
      [...read('.env.example').matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map((m) => [m[1]!, m[2]!]),
    );
    expect([...secrets, ...modelKeys].filter((name) => values.get(name) !== '')).toEqual([]);
  });
});
