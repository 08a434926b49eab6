export { isAllowEntry } from './address-policy.ts';
export * from './guarded-fetch.ts';
