import { Id, Name, Problem, type ReferenceKind, referenceTo } from '@nightshift/contracts';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';

/** A plugin that holds one resource's routes. */
export type Routes = FastifyPluginAsyncZod<{ deps: ApiDeps }>;

export const IdParams = z.object({ id: Id });

/** `:id` of what is addressed by more than its whole id. */
export const paramsOf = (kind: ReferenceKind) => z.object({ id: referenceTo(kind) });

/** Of `PUT …/by-name/:name`. */
export const NameParams = z.object({ name: Name });

export const NoContent = z.null().meta({ description: 'Done' });

/** What every authenticated route may answer besides its own. */
export const errors = { '4xx': Problem, '5xx': Problem } as const;
