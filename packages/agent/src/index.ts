export type { AttachmentReader } from './attachments.ts';
export { type ConnectionDeps, connectionOf, type OpenConnection, openConnection } from './connections.ts';
export { createLaneKeeper, type LaneKeeper } from './lane-keeper.ts';
export { executeRun, type LiveReplies, type LiveReply, type RunDeps, RunStopped } from './run-loop.ts';
export { environmentKey, resolveTargets, type TargetDeps } from './targets.ts';
