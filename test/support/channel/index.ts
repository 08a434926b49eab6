export * from './outbox.ts';
export * from './receiver.ts';
export * from './test-channel.ts';
