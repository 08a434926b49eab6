/** What a benchmark is, and what it measures. */

export type Unit = 's' | 'ms' | 'MB' | 'packages' | 'replies/s' | 'requests/s';

export interface Figure {
  /** Stable, for results and goals, e.g. `replies.at-8.per-second`. */
  id: string;
  /** For the table. */
  label: string;
  value: number;
  unit: Unit;
}

export interface Context {
  /** What a benchmark starts or makes is given back here, in reverse order, also when it is interrupted. */
  resources: AsyncDisposableStack;
  /** One line of progress. */
  log(line: string): void;
}

export interface Bench {
  name: string;
  /** One line for `--help`. */
  about: string;
  /** What the figures were measured against, for the result file. */
  against: string;
  run(context: Context): Promise<Figure[]>;
}
