export { type EstimateDeps, estimateRun } from './estimate.ts';
export { TargetError } from './failure.ts';
export { createLaneKeeper, type LaneKeeper } from './lane-keeper.ts';
export { executeRun, type RunDeps, RunStopped } from './run-loop.ts';
export { type Asking, exactTarget, resolveTargets, type TargetDeps } from './targets.ts';
