/** The table on the terminal and the files in bench/results. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench, Figure } from './bench.ts';
import { type Goal, goals, isMet } from './goals.ts';

const directory = fileURLToPath(new URL('../results', import.meta.url));

function show(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function showTarget(target: Goal['target']): string {
  if (!target) return '';
  return 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`;
}

const verdicts = new Map([
  [true, 'met'],
  [false, 'MISSED'],
  [null, ''],
]);

export function formatTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ id, label, value, unit }) => [
    label,
    unit === 'packages' ? String(value) : show(value),
    unit,
    showTarget(goals[id]?.target),
    verdicts.get(isMet(id, value))!,
    goals[id]?.peer ?? '',
  ]);
  const table = [['', 'measured', '', 'target', '', 'peer'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return table.map(line).join('\n');
}

/** Writes `bench/results/<name>.json`. @returns its path */
export function writeResult(
  bench: Bench,
  figures: readonly Figure[],
  circumstances: Record<string, unknown>,
): string {
  const path = join(directory, `${bench.name}.json`);
  const result = {
    bench: bench.name,
    measured: new Date().toISOString(),
    against: bench.against,
    ...circumstances,
    figures: figures.map(({ id, label, value, unit }) => ({
      id,
      label,
      value: Number(value.toPrecision(4)),
      unit,
      ...goals[id],
      met: isMet(id, value),
    })),
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}
