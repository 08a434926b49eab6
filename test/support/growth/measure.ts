/** Whether the time that something takes grows with the length of its input, or faster. */

/**
 * Below this, in milliseconds, a time says nothing of growth: the clock, the compiler, the collector and whoever shares
 * the processor are in it. What grows with the square is above it soon.
 */
const floor = 50;

/** How much longer twice the input may take: twice as long, and what caches and the collector add. */
const mostGrowth = 3;

/** Pairs of measurements. What is linear ends with the first that shows it. */
const attempts = 15;

/** Inputs of up to so many UTF-16 code units take no time at all, unless it doubles with each. */
const short = 64;
const longForShort = 40;

export interface Growth {
  /** As asked for, in UTF-16 code units. */
  readonly length: number;
  /** Milliseconds for `length`, and for twice as much; of exponential work the second is unknown. */
  readonly once: number;
  readonly twice: number;
}

/**
 * Runs `work` on ever longer inputs, and returns the first step at which twice the input takes more than three times as
 * long; null when there is none up to `longest`. What is exponential is found before it hangs.
 *
 * @param inputOf an input of about so many UTF-16 code units
 * @param shortest from which on twice the input is the same work twice
 */
export function superlinearGrowth<Input>(
  inputOf: (length: number) => Input,
  work: (input: Input) => unknown,
  longest = 200_000,
  shortest = short,
): Growth | null {
  for (let length = 4; length <= short; length += 4) {
    const input = inputOf(length);
    const once = fastestOf(3, () => work(input), longForShort);
    if (once >= longForShort) return { length, once, twice: Number.POSITIVE_INFINITY };
  }
  const steps = Math.floor(Math.log2(longest / shortest));
  for (let step = steps; step > 0; step -= 1) {
    const growth = growthAt(Math.ceil(longest / 2 ** step));
    if (growth) return growth;
  }
  return null;

  function growthAt(length: number): Growth | null {
    const [input, long] = [inputOf(length), inputOf(length * 2)];
    const pairs: Pair[] = [];
    while (pairs.length < attempts) {
      const twice = millisecondsOf(() => work(long));
      if (twice < floor) return null;
      const once = millisecondsOf(() => work(input));
      pairs.push({ once, twice });
      if (growthOfPairs(pairs) <= mostGrowth) return null;
    }
    const [{ once, twice }] = byGrowth(pairs).slice(attempts / 2) as [Pair];
    return { length, once, twice };
  }
}

/** Times of an input and of twice as much, taken one after the other. */
interface Pair {
  readonly once: number;
  readonly twice: number;
}

const byGrowth = (pairs: readonly Pair[]) => pairs.toSorted((a, b) => a.twice / a.once - b.twice / b.once);

/**
 * How much longer twice the input takes, by whichever says less: the fastest of each, since the collector makes some longer
 * and none shorter; or the median over pairs, since whatever else keeps the machine busy meets both of a pair alike, while
 * the shorter alone finds a quiet moment more often than the longer. What grows with the square does so by both.
 */
export function growthOfPairs(pairs: readonly Pair[]): number {
  const median = byGrowth(pairs)[Math.floor(pairs.length / 2)]!;
  const [once, twice] = [pairs.map((pair) => pair.once), pairs.map((pair) => pair.twice)];
  return Math.min(median.twice / median.once, Math.min(...twice) / Math.min(...once));
}

/** Below, a message takes another way where it no longer fits: a wide table becomes a list, one part becomes two. */
const shortestOfSlow = 15_000;

/**
 * The same for work that is slow by itself: what is no more than linear between 2,000 and 8,000 code units, at the first
 * glance, is not looked at any further. The first glance is at what is cold: only a second one leads to a look.
 */
export function growthOfSlow<Input>(
  inputOf: (length: number) => Input,
  work: (input: Input) => unknown,
  longest: number,
): Growth | null {
  const [input, long] = [inputOf(2_000), inputOf(8_000)];
  let once = Number.POSITIVE_INFINITY;
  let fourTimes = Number.POSITIVE_INFINITY;
  for (let glance = 0; glance < 3; glance += 1) {
    fourTimes = Math.min(
      fourTimes,
      millisecondsOf(() => work(long)),
    );
    if (fourTimes < 5) return null;
    once = Math.min(
      once,
      millisecondsOf(() => work(input)),
    );
    if (fourTimes < 6 * once) return null;
  }
  return superlinearGrowth(inputOf, work, longest, shortestOfSlow);
}

/** Of so many runs, or fewer where one takes less than `enough`. */
function fastestOf(runs: number, work: () => unknown, enough: number): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs && fastest >= enough; run += 1)
    fastest = Math.min(fastest, millisecondsOf(work));
  return fastest;
}

/** What the processor works for it on this thread, in microseconds' steps: other programs and threads do not count. */
export function millisecondsOf(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
