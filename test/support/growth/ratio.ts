/** How the time of a computation grows with its input, where that is too short for `superlinearGrowth` to see. */
import { millisecondsOf } from './measure.ts';

function cpuMs(run: () => unknown, times: number): number {
  return millisecondsOf(() => {
    for (let time = 0; time < times; time += 1) run();
  });
}

const measurableMs = 30;
const mostTimes = 4_096;
const attempts = 12;

/**
 * time(2 × size) / time(size): about 2 where each character is looked at so many times, 4 where it is looked at together
 * with each other. The least of several.
 */
export function growthOf<Input>(
  run: (input: Input) => unknown,
  inputOf: (size: number) => Input,
  size: number,
): number {
  const [small, large] = [inputOf(size), inputOf(2 * size)];
  let times = 1;
  while (times < mostTimes && cpuMs(() => run(small), times) < measurableMs) times *= 2;
  let [before, after] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let attempt = 0; attempt < attempts && (attempt < 2 || after / before > 3); attempt += 1) {
    before = Math.min(
      before,
      cpuMs(() => run(small), times),
    );
    after = Math.min(
      after,
      cpuMs(() => run(large), times),
    );
  }
  return after / before;
}
