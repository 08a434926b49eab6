export * from './cuts.ts';
export * from './deliveries.ts';
export * from './outbox.ts';
export * from './retry-policy.ts';
export * from './send-rates.ts';
export * from './undelivered.ts';
