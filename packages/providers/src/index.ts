export {
  endpointOf,
  findVendor,
  type ModelRef,
  parseModelRef,
  type Vendor,
  vendors,
} from './catalog.ts';
export { type KnownModel, listModels } from './models.ts';
export type { Target } from './plan.ts';
export { costUsd } from './pricing.ts';
export { createProtocols, type Protocols } from './protocols/index.ts';
export {
  type Compat,
  type Endpoint,
  type ModelCall,
  ModelError,
  type ModelErrorKind,
  type ModelErrorOptions,
  type ModelEvent,
  type Protocol,
  type StopReason,
  type WireName,
  wireNames,
} from './provider.ts';
export {
  type AttemptRecord,
  createRouter,
  type Router,
  type RouterEvent,
  type RouterOptions,
  type RouterRequest,
} from './router.ts';
export { type Transcript, transcode } from './transcode.ts';
