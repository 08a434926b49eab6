/**
 * Validation whose work is bounded. A schema on its own looks at every item of a list, and describes each that is wrong,
 * before it finds that there are too many. Here lists and objects are counted before what is in them is looked at, and
 * looking ends after as many errors as an answer names.
 */
import type { FieldError } from '@nightshift/core/errors';
import { z } from 'zod';
import { fieldErrors } from './issues.ts';

/** Where a schema says nothing. */
const defaultMaxItems = 1_000;
const defaultMaxMembers = 200;

/** More unknown members than these are counted instead of named. */
const maxNamedUnknown = 20;

/** Short lists are left to the schema of the whole: looking at their items twice would cost more than it saves. */
const shortList = 5;

/** What was found so far. */
class Findings {
  readonly errors: FieldError[] = [];
  readonly max: number;
  constructor(max: number) {
    this.max = max;
  }
  get isFull(): boolean {
    return this.errors.length >= this.max;
  }
  add(path: string, message: string): void {
    if (!this.isFull) this.errors.push({ path, message });
  }
}

interface Check {
  /** Whether it says anything about such a value. */
  appliesTo(value: unknown): boolean;
  run(value: unknown, path: string, findings: Findings): void;
}

const nothing: Check = { appliesTo: () => false, run: () => undefined };

/** Errors of the lists and objects in a value: at most `max`. None: the schema of the whole has little left to find. */
export type FindErrors = (value: unknown, max: number) => FieldError[];

const compiled = new WeakMap<z.core.$ZodType, Check>();

export function boundedValidation(schema: z.core.$ZodType): FindErrors {
  const check = compile(schema);
  return (value, max) => {
    const findings = new Findings(max);
    if (check.appliesTo(value)) check.run(value, '', findings);
    return findings.errors;
  };
}

function compile(type: z.core.$ZodType): Check {
  const earlier = compiled.get(type);
  if (earlier) return earlier;
  // A schema may hold itself: what is asked for meanwhile is only called later.
  let built: Check = nothing;
  compiled.set(type, {
    appliesTo: (value) => built.appliesTo(value),
    run: (value, path, findings) => built.run(value, path, findings),
  });
  built = build(type as z.core.$ZodTypes);
  compiled.set(type, built);
  return built;
}

function build(type: z.core.$ZodTypes): Check {
  const { def } = type._zod;
  switch (def.type) {
    case 'array':
      return listCheck(type as z.core.$ZodArray);
    case 'record':
      return recordCheck(type as z.core.$ZodRecord);
    case 'object':
      return objectCheck(type as z.core.$ZodObject);
    case 'union':
      return unionCheck(def.options.map(compile));
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
      return nothing;
  }
}

function listCheck({ _zod: { def } }: z.core.$ZodArray): Check {
  const limit = def.checks
    ?.map((check) => check._zod.def as z.core.$ZodCheckMaxLengthDef)
    .find((check) => check.check === 'max_length');
  const max = limit?.maximum ?? defaultMaxItems;
  const item = compile(def.element);
  return {
    appliesTo: Array.isArray,
    run(value, path, findings) {
      const items = value as unknown[];
      if (items.length > max) {
        const said = limit?.error?.({ code: 'too_big', maximum: max, input: items } as never);
        const message = (typeof said === 'object' ? said?.message : said) ?? `must have at most ${max} items`;
        findings.add(path, message);
        return;
      }
      for (const [index, each] of items.entries()) {
        if (findings.isFull) return;
        const at = join(path, index);
        if (!runIfApplies(item, each, at, findings) && items.length > shortList)
          addIssues(def.element, each, at, findings);
      }
    },
  };
}

function recordCheck(type: z.core.$ZodRecord): Check {
  const { keyType, valueType } = type._zod.def;
  const meta = z.globalRegistry.get(type) as { maxProperties?: number } | undefined;
  const max = meta?.maxProperties ?? defaultMaxMembers;
  const member = compile(valueType);
  return {
    appliesTo: isObject,
    run(value, path, findings) {
      const members = Object.entries(value as object);
      if (members.length > max) {
        findings.add(path, `must have at most ${max} members`);
        return;
      }
      for (const [name, each] of members) {
        if (findings.isFull) return;
        const at = join(path, name);
        if (runIfApplies(member, each, at, findings) || members.length <= shortList) continue;
        addIssues(keyType, name, at, findings);
        addIssues(valueType, each, at, findings);
      }
    },
  };
}

function objectCheck({ _zod: { def } }: z.core.$ZodObject): Check {
  const members = Object.entries(def.shape).map(([name, type]) => [name, compile(type)] as const);
  const isStrict = def.catchall?._zod.def.type === 'never';
  return {
    appliesTo: isObject,
    run(value, path, findings) {
      const object = value as Record<string, unknown>;
      const unknown = isStrict ? Object.keys(object).filter((name) => !Object.hasOwn(def.shape, name)) : [];
      if (unknown.length > maxNamedUnknown) {
        findings.add(path, `has ${unknown.length} unknown fields, the first is "${cut(unknown[0]!)}"`);
        return;
      }
      for (const [name, check] of members) {
        if (findings.isFull) return;
        if (Object.hasOwn(object, name)) runIfApplies(check, object[name], join(path, name), findings);
      }
    },
  };
}

/** Decides only where one option alone is for such a value. */
function unionCheck(options: readonly Check[]): Check {
  const applying = (value: unknown) => options.filter((option) => option.appliesTo(value));
  return {
    appliesTo: (value) => applying(value).length === 1,
    run: (value, path, findings) => applying(value)[0]?.run(value, path, findings),
  };
}

/** @returns whether anything was found */
function runIfApplies(check: Check, value: unknown, path: string, findings: Findings): boolean {
  if (!check.appliesTo(value)) return false;
  const before = findings.errors.length;
  check.run(value, path, findings);
  return findings.errors.length > before;
}

function addIssues(type: z.core.$ZodType, value: unknown, path: string, findings: Findings): void {
  const { error } = z.safeParse(type, value);
  for (const { path: at, message } of fieldErrors(error?.issues.slice(0, findings.max) ?? [], [path]))
    findings.add(at, message);
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const join = (path: string, name: string | number) => (path === '' ? String(name) : `${path}.${name}`);
const cut = (text: string) => (text.length > 50 ? `${text.slice(0, 50)}…` : text);
