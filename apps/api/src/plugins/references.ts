/**
 * Puts ids in the place of names and short ids, wherever a route's schema says that something is a reference
 * (`referenceTo` of the contracts): in the path, in filters and in bodies. A whole id that belongs to nothing stays as it is.
 */
import { kindNames, type ReferenceKind, referenceKindOf } from '@nightshift/contracts';
import type { Database } from '@nightshift/core/database';
import { DomainError, invalidFields } from '@nightshift/core/errors';
import { isWholeId, resolveReference, suggestNames } from '@nightshift/core/references';
import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { z } from 'zod';
import type { ApiDeps } from '../deps.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whole ids are not looked up first: the route does without that query, and finds names in their form by itself. */
    trustsIds?: boolean;
    /** Where the route's schemas have references; found here. */
    references?: readonly { part: (typeof parts)[number]; places: readonly Place[] }[];
  }
}

/** Where in a value a reference is; `*`: in each item. */
interface Place {
  path: readonly string[];
  kind: ReferenceKind;
}

const parts = ['params', 'querystring', 'body'] as const;

/** A schema may hold itself. */
const maxDepth = 5;

function placesIn(schema: z.core.$ZodType, path: readonly string[] = []): Place[] {
  const kind = referenceKindOf(schema);
  if (kind) return [{ path, kind }];
  if (path.length > maxDepth) return [];
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([name, member]) => placesIn(member, [...path, name]));
    case 'array':
      return placesIn(def.element, [...path, '*']);
    case 'union':
      return def.options.flatMap((option) => placesIn(option, path));
    case 'pipe':
      return placesIn(def.out, path);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return placesIn(def.innerType, path);
    default:
      return [];
  }
}

interface Found {
  reference: string;
  kind: ReferenceKind;
  /** Dotted, for messages. */
  path: string;
  replace(id: string): void;
}

function* find(value: unknown, { path, kind }: Place, at: readonly string[] = []): Generator<Found> {
  const [name, ...rest] = path;
  if (name === undefined || typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const key of name === '*' ? Object.keys(holder) : [name]) {
    const member = holder[key];
    const here = [...at, key];
    if (rest.length > 0) yield* find(member, { path: rest, kind }, here);
    else if (typeof member === 'string')
      yield {
        reference: member,
        kind,
        path: here.join('.'),
        replace: (id) => {
          holder[key] = id;
        },
      };
  }
}

/** @throws {DomainError} ambiguous; not_found, of the path; invalid_request, of filters and bodies */
async function resolve(
  db: Database,
  { caller, routeOptions }: FastifyRequest,
  part: (typeof parts)[number],
  { reference, kind, path, replace }: Found,
): Promise<void> {
  if (routeOptions.config.trustsIds && isWholeId(reference)) return;
  const id = await resolveReference(db, caller.teamId, kind, reference);
  if (id !== undefined) return replace(id);
  if (isWholeId(reference)) return;
  throw await unknownReference(db, caller.teamId, { kind, reference, path: part === 'params' ? null : path });
}

/** @param path the field; null: the reference is the resource itself, in the path */
export async function unknownReference(
  db: Database,
  teamId: string,
  { kind, reference, path }: { kind: ReferenceKind; reference: string; path: string | null },
): Promise<DomainError> {
  const candidates = await suggestNames(db, teamId, kind);
  const names = candidates.map(({ name }) => name).join(', ');
  const there = candidates.length > 0 ? ` There are: ${names}.` : '';
  const message = `there is no ${kindNames[kind]} "${reference}".${there}`;
  if (path !== null) {
    const { message: detail, fields } = invalidFields([{ path, message }]);
    return new DomainError('invalid_request', detail, { fields: [...fields!], candidates });
  }
  return new DomainError('not_found', message.replace(/^t/, 'T'), { candidates });
}

export const references = fastifyPlugin<{ deps: ApiDeps }>(async (app, { deps }) => {
  app.addHook('onRoute', (route) => {
    const schema = route.schema as Partial<Record<string, z.core.$ZodType>> | undefined;
    const found = parts.flatMap((part) => {
      const places = schema?.[part] ? placesIn(schema[part]) : [];
      return places.length > 0 ? [{ part, places }] : [];
    });
    if (found.length > 0) route.config = { ...route.config, references: found };
  });

  app.addHook('preHandler', async (request) => {
    for (const { part, places } of request.routeOptions.config.references ?? []) {
      const value = part === 'querystring' ? request.query : request[part];
      const found = places.flatMap((place) => [...find(value, place)]);
      // One after the other: the first that is wrong is told, whichever answer comes first.
      for (const each of found) await resolve(deps.db, request, part, each);
    }
  });
});
