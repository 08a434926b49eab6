export { violationOf } from './answer-format.ts';
export { type AttachmentReader, maxImageBytes, problemOfAttachment } from './attachments.ts';
export {
  type ChannelVersion,
  type ConnectionDeps,
  cacheConnections,
  connectionOf,
  type OpenCached,
  type OpenConnection,
  openConnection,
} from './connections.ts';
export { type EstimateDeps, estimateRun } from './estimate.ts';
export { TargetError } from './failure.ts';
export { createLaneKeeper, type LaneKeeper } from './lane-keeper.ts';
export type { LiveReplies, LiveReply } from './live-reply.ts';
export type { PlaceReader, RunDeps } from './run-context.ts';
export { type Executed, executeRun } from './run-loop.ts';
export { RunStopped } from './stop.ts';
export { type Asking, exactTarget, resolveTargets, type TargetDeps } from './targets.ts';
