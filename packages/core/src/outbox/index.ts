export * from './deliveries.ts';
export * from './outbox.ts';
export * from './retry-policy.ts';
export * from './undelivered.ts';
