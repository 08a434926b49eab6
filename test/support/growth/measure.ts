/** Whether the time that something takes grows with the length of its input, or faster. */

/**
 * Below this, in milliseconds, a time says nothing of growth: the clock, the compiler, the collector and whoever shares
 * the processor are in it. What grows with the square is above it soon.
 */
const floor = 50;

/** How much longer twice the input may take: twice as long, and what caches and the collector add. */
const mostGrowth = 3;

/**
 * Pairs of measurements, of which the fastest count: the collector, cold caches, and others on a machine that is busy make
 * some longer, none shorter. What is linear ends with the first pair that shows it.
 */
const attempts = 12;

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
    let once = Number.POSITIVE_INFINITY;
    let twice = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      twice = Math.min(
        twice,
        millisecondsOf(() => work(long)),
      );
      if (twice < floor) return null;
      once = Math.min(
        once,
        millisecondsOf(() => work(input)),
      );
      if (twice <= mostGrowth * once) return null;
    }
    return { length, once, twice };
  }
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
