export { createLaneKeeper, type LaneKeeper } from './lane-keeper.ts';
export { executeRun, type RunDeps, RunStopped } from './run-loop.ts';
export { environmentKey, resolveTargets, type TargetDeps } from './targets.ts';
