/** How the time of a computation grows with its input, where that is too short for `superlinearGrowth` to see. */
import { growthOfPairs, millisecondsOf } from './measure.ts';

function cpuMs(run: () => unknown, times: number): number {
  return millisecondsOf(() => {
    for (let time = 0; time < times; time += 1) run();
  });
}

const measurableMs = 30;
const mostTimes = 4_096;
const attempts = 15;

/** So much shows by itself that it is linear; what is above is looked at more often. */
const clearly = 2.5;

/**
 * time(2 × size) / time(size): about 2 where each character is looked at so many times, 4 where it is looked at together
 * with each other.
 */
export function growthOf<Input>(
  run: (input: Input) => unknown,
  inputOf: (size: number) => Input,
  size: number,
): number {
  const [small, large] = [inputOf(size), inputOf(2 * size)];
  let times = 1;
  while (times < mostTimes && cpuMs(() => run(small), times) < measurableMs) times *= 2;
  const pairs = [];
  while (pairs.length === 0 || (pairs.length < attempts && growthOfPairs(pairs) > clearly)) {
    const twice = cpuMs(() => run(large), times);
    pairs.push({ once: cpuMs(() => run(small), times), twice });
  }
  return growthOfPairs(pairs);
}
