/** Dependencies point one way: docs/decisions/0007-biome-and-workspace-manifests.md. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What each package may depend on. Apps may depend on every package. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  providers: ['contracts'],
  channels: ['contracts'],
  tools: ['contracts'],
  core: ['contracts'],
  documents: ['contracts'],
  agent: ['contracts', 'core', 'providers', 'channels', 'tools'],
};

/** Relative imports that leave their workspace all the same: there is one version, and it is the checkout's. */
const exceptions = ['apps/api/src/version.ts → package.json', 'apps/cli/src/version.ts → package.json'];

const scope = '@nightshift/';

interface Workspace {
  /** `packages/core`. */
  path: string;
  /** `core`. */
  name: string;
  /** The names of the workspaces it declares. */
  dependencies: string[];
}

const workspaces: Workspace[] = globSync('{packages,apps}/*/package.json', { cwd: root }).map((manifest) => {
  const { name, dependencies = {} } = JSON.parse(readFileSync(join(root, manifest), 'utf8')) as {
    name: string;
    dependencies?: Record<string, string>;
  };
  return {
    path: dirname(manifest),
    name: name.replace(scope, ''),
    dependencies: Object.keys(dependencies)
      .filter((dependency) => dependency.startsWith(scope))
      .map((dependency) => dependency.replace(scope, '')),
  };
});

const packages = workspaces.filter(({ path }) => path.startsWith('packages/'));
const apps = workspaces.filter(({ path }) => path.startsWith('apps/'));

/** What a module names after `from`, `import` or `import(`. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^'\n]+)'/g)].map((match) => match[1]!);
}

const modules = workspaces.flatMap((workspace) =>
  globSync('src/**/*.ts', { cwd: join(root, workspace.path), exclude: ['src/generated/**'] }).map((file) => ({
    workspace,
    path: join(workspace.path, file),
    imports: importsOf(readFileSync(join(root, workspace.path, file), 'utf8')),
  })),
);

describe('the workspaces', () => {
  it.each(packages.map((workspace) => [workspace.name, workspace] as const))(
    '%s depends on nothing but what lies below it',
    (name, { dependencies }) => {
      expect(Object.keys(allowed)).toContain(name);
      expect(allowed[name]).toEqual(expect.arrayContaining(dependencies));
    },
  );

  it('are never asked for an app', () => {
    const names = new Set(apps.map(({ name }) => name));
    expect(names.size).toBeGreaterThan(0);
    const wrong = workspaces.filter(({ dependencies }) => dependencies.some((name) => names.has(name)));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('import only workspaces that they declare', () => {
    const internal = modules.flatMap(({ path, workspace, imports }) =>
      imports
        .filter((target) => target.startsWith(scope))
        .map((target) => ({ path, workspace, name: target.slice(scope.length).split('/', 1)[0]! })),
    );
    expect(internal.length).toBeGreaterThan(0);
    const wrong = internal.filter(({ workspace, name }) => !workspace.dependencies.includes(name));
    expect(wrong.map(({ path, name }) => `${path} → ${name}`)).toEqual([]);
  });

  it('are left by no relative import', () => {
    const relatives = modules.flatMap(({ path, workspace, imports }) =>
      imports
        .filter((target) => target.startsWith('.'))
        .map((target) => ({
          path,
          workspace,
          target: relative(root, resolve(root, dirname(path), target)),
        })),
    );
    expect(relatives.length).toBeGreaterThan(0);
    const leaving = relatives.filter(
      ({ path, workspace, target }) =>
        !target.startsWith(`${workspace.path}/`) &&
        // Tests have their servers and fakes in common.
        !(path.endsWith('.test.ts') && target.startsWith('test/support/')),
    );
    expect(leaving.map(({ path, target }) => `${path} → ${target}`).sort()).toEqual([...exceptions].sort());
  });
});
