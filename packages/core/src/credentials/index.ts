export * from './credentials.ts';
export { forgetHealth } from './health.ts';
