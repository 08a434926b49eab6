/** The routes of the api, as it documents them itself. */
import type { Client } from './client.ts';

export interface Route {
  method: string;
  /** With its parameters in braces. */
  path: string;
  /** `METHOD /path` */
  name: string;
  /** Knows no API key. */
  public: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: an OpenAPI operation
  operation: any;
}

export async function documentedRoutes(client: Client): Promise<Route[]> {
  const document = await client.expect(200, client.get('/openapi.json'));
  return Object.entries<object>(document.paths).flatMap(([path, operations]) =>
    Object.entries<{ security?: object[] }>(operations as never).map(([verb, operation]) => {
      const method = verb.toUpperCase();
      const isPublic = operation.security !== undefined && !operation.security.some((way) => 'key' in way);
      return { method, path, name: `${method} ${path}`, public: isPublic, operation };
    }),
  );
}

/** A route's name without those of its parameters: two routes on one path may call them differently. */
export const anonymous = (name: string) => name.replaceAll(/\{[^/]*\}/g, '{}');

/** Every route that the app has, from the tree that Fastify prints, as `METHOD /path` with parameters in braces. */
export function registeredRoutes(tree: string): string[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const match = /^((?:│ {3}| {4})*)[├└]── (\S+) \((.*)\)$/.exec(line);
    if (!match) return [];
    const [, indent = '', part = '', methods = ''] = match;
    const depth = indent.length / 4;
    parents.length = depth;
    parents[depth] = part;
    const path = parents
      .join('')
      .replaceAll('//', '/')
      .replaceAll(/:(\w+)/g, '{$1}');
    return methods.split(', ').map((method) => `${method} ${path}`);
  });
}
