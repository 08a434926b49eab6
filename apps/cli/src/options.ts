import { InvalidArgumentError } from 'commander';

/** Parses an option that is a whole number above 0. */
export function integer(value: string): number {
  if (!/^[1-9]\d{0,9}$/.test(value)) throw new InvalidArgumentError('It has to be a whole number above 0.');
  return Number(value);
}
