export * from './fake-twilio.ts';
export * from './webhooks.ts';
