/**
 * Lists and objects are counted before what is in them is looked at: a schema on its own checks every item of a list, and
 * names each that is wrong, before it finds that there are too many.
 */
import type { FieldError } from '@nightshift/core/errors';
import { z } from 'zod';

/** More unknown members than these are counted instead of named. */
const maxNamedUnknown = 20;

/** Null: its counts are fine. Undefined: the schema is of another kind of value. */
type Check = (value: unknown, path: string) => FieldError | null | undefined;

const anything: Check = () => undefined;

/** Compiles the counts that a schema allows: `.max()` of lists, `maxProperties` of records, known members of objects. */
export function countLimitsOf(schema: z.core.$ZodType): (value: unknown) => FieldError | null {
  const compiled = new Map<z.core.$ZodType, Check>();

  function compile(type: z.core.$ZodType): Check {
    const known = compiled.get(type);
    if (known) return known;
    // A schema may hold itself.
    let check: Check = anything;
    compiled.set(type, (value, path) => check(value, path));
    check = build(type as z.core.$ZodTypes);
    compiled.set(type, check);
    return check;
  }

  function build(type: z.core.$ZodTypes): Check {
    const { def } = type._zod;
    switch (def.type) {
      case 'array':
        return list(type as z.core.$ZodArray, compile(def.element));
      case 'record':
        return record(type as z.core.$ZodRecord, compile(def.valueType));
      case 'object':
        return object(type as z.core.$ZodObject);
      case 'union':
        return union(def.options.map(compile));
      case 'pipe':
        return compile(def.in);
      case 'lazy':
        return compile(def.getter());
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'nonoptional':
      case 'readonly':
      case 'catch':
        return compile(def.innerType);
      default:
        return anything;
    }
  }

  function object({ _zod }: z.core.$ZodObject): Check {
    const members = new Map(Object.entries(_zod.def.shape).map(([name, type]) => [name, compile(type)]));
    const isStrict = _zod.def.catchall?._zod.def.type === 'never';
    return (value, path) => {
      if (!isObject(value)) return undefined;
      const unknown = isStrict ? Object.keys(value).filter((name) => !members.has(name)) : [];
      if (unknown.length > maxNamedUnknown)
        return { path, message: `has ${unknown.length} unknown fields, ${name(unknown[0]!)} is the first` };
      for (const [name, check] of members) {
        const wrong = Object.hasOwn(value, name) && check(value[name], join(path, name));
        if (wrong) return wrong;
      }
      return null;
    };
  }

  const check = compile(schema);
  return (value) => check(value, '') ?? null;
}

function list({ _zod }: z.core.$ZodArray, item: Check): Check {
  const limit = _zod.def.checks
    ?.map((check) => check._zod.def as z.core.$ZodCheckMaxLengthDef)
    .find((def) => def.check === 'max_length');
  const max = limit?.maximum ?? Number.POSITIVE_INFINITY;
  return (value, path) => {
    if (!Array.isArray(value)) return undefined;
    if (value.length > max) {
      const said = limit?.error?.({ code: 'too_big', maximum: max, input: value } as never);
      const message = (typeof said === 'object' ? said?.message : said) ?? `must have at most ${max} items`;
      return { path, message };
    }
    return firstWrong(value.entries(), path, item);
  };
}

function record(type: z.core.$ZodRecord, member: Check): Check {
  const { maxProperties: max = Number.POSITIVE_INFINITY } = (z.globalRegistry.get(type) ?? {}) as {
    maxProperties?: number;
  };
  return (value, path) => {
    if (!isObject(value)) return undefined;
    const members = Object.entries(value);
    if (members.length > max) return { path, message: `must have at most ${max} members` };
    return firstWrong(members, path, member);
  };
}

/** One option whose counts are fine is enough; options for another kind of value say nothing. */
function union(options: readonly Check[]): Check {
  return (value, path) => {
    let first: FieldError | undefined;
    let isAny = false;
    for (const option of options) {
      const result = option(value, path);
      if (result === null) return null;
      if (result === undefined) continue;
      first ??= result;
      isAny = true;
    }
    return isAny ? first : undefined;
  };
}

function firstWrong(
  entries: Iterable<readonly [string | number, unknown]>,
  path: string,
  check: Check,
): FieldError | null {
  if (check === anything) return null;
  for (const [name, value] of entries) {
    const wrong = check(value, join(path, name));
    if (wrong) return wrong;
  }
  return null;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const join = (path: string, name: string | number) => (path === '' ? String(name) : `${path}.${name}`);
const name = (text: string) => `"${text.length > 50 ? `${text.slice(0, 50)}…` : text}"`;
