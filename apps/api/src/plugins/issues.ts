/** Validation issues as field errors. A union's errors are those of the option that the value fits best, at their paths. */
import type { FieldError } from '@nightshift/core/errors';
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** What the library says of a value that fits no option, where it knows no more. */
const vague = 'Invalid input';

/** Unions within unions are followed so far. */
const maxDepth = 8;

/** @param at where the value is that the issues are about */
export function fieldErrors(issues: readonly Issue[], at: Path = []): FieldError[] {
  return flatten(issues, at, 0).map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
}

interface Flat {
  path: Path;
  message: string;
}

function flatten(issues: readonly Issue[], at: Path, depth: number): Flat[] {
  return issues.flatMap((issue): Flat[] => {
    const path = [...at, ...issue.path];
    if (depth < maxDepth) {
      if (issue.code === 'invalid_union') return ofUnion(issue, path, depth);
      // A key or an element that is wrong has its reasons inside.
      if ((issue.code === 'invalid_key' || issue.code === 'invalid_element') && issue.issues.length > 0)
        return flatten(issue.issues, path, depth + 1);
    }
    return [{ path, message: issue.message }];
  });
}

function ofUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, depth: number): Flat[] {
  const options = issue.errors.filter((each) => each.length > 0);
  if (options.length === 0) return [{ path, message: withoutOptions(issue) }];
  // An option that takes another type altogether says nothing about what is inside the value.
  const fitting = options.filter((each) => !each.some(isOfOtherType));
  if (fitting.length === 0) return [{ path, message: join(options.flat().map(({ message }) => message)) }];
  const [best] = fitting
    .map((each) => flatten(each, path, depth + 1))
    .toSorted((one, other) => one.length - other.length || depthOf(other) - depthOf(one));
  return best!;
}

/** No discriminator matches, or several options do. */
function withoutOptions(issue: z.core.$ZodIssueInvalidUnion): string {
  const { options, discriminator } = issue as { options?: readonly unknown[]; discriminator?: string };
  if (discriminator && options && options.length > 0)
    return `Invalid option: expected one of ${options.map((each) => JSON.stringify(each)).join('|')}`;
  return issue.message;
}

const isOfOtherType = ({ code, path }: Issue) =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');

const depthOf = (flat: readonly Flat[]) => Math.max(...flat.map(({ path }) => path.length));

function join(messages: readonly string[]): string {
  const told = [...new Set(messages)].filter((message) => message !== vague);
  return told.length === 0 ? vague : told.join(', or: ');
}
