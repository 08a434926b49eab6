export { type ClaimedSlots, claimDueSlots, nextDueInMs } from './claim.ts';
export type { Delivery, PlaceTarget } from './deliver-place.ts';
export { pauseFailing } from './failures.ts';
export { listFires, pruneFires, runScheduleNow } from './fires.ts';
export { type DueFire, findUnopenedFires, openFire } from './open-fire.ts';
export * from './schedules.ts';
export { resolveAt } from './timing.ts';
