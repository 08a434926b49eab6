export {
  type EndpointOptions,
  endpointOf,
  findVendor,
  fromEnvironment,
  type ModelRef,
  parseModelRef,
  problemOfParameters,
  type Vendor,
  vendors,
  vendorVariables,
  wiresOf,
} from './catalog.ts';
export { checkModel, type ModelCheck } from './check-model.ts';
export { defaultModelOf } from './default-model.ts';
export { estimateInput, USUAL_OUTPUT_TOKENS } from './estimate.ts';
export { isServiceAccount, parseServiceAccount } from './google-tokens.ts';
export {
  createHealth,
  type Health,
  type HealthKey,
  type HealthOptions,
  type HealthShare,
} from './health.ts';
export {
  contextWindowOf,
  type KnownModel,
  listAllModels,
  listModels,
  type ModelSource,
} from './models.ts';
export type { Pick, Target, TargetKey } from './plan.ts';
export { startPriceRefresh } from './price-refresh.ts';
export { costUsd, type PriceOptions, priceOf } from './pricing.ts';
export { type ProbeOptions, type ProbeResult, probe } from './probe.ts';
export { createProtocols, type Protocols } from './protocols/index.ts';
export {
  type Compat,
  type Endpoint,
  type ModelCall,
  ModelError,
  type ModelErrorKind,
  type ModelErrorOptions,
  type ModelEvent,
  type ModelPrefixes,
  type Protocol,
  type RateLimit,
  type StopReason,
  type WireName,
  wireNames,
} from './provider.ts';
export {
  type AttemptRecord,
  createRouter,
  type PlannedAttempt,
  type Router,
  type RouterEvent,
  type RouterOptions,
  type RouterRequest,
  type Routing,
} from './router.ts';
export { type Transcript, transcode } from './transcode.ts';
