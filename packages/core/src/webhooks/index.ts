export * from './events.ts';
export * from './webhooks.ts';
