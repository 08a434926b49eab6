export * from './connect.ts';
export * from './outbox.ts';
export * from './poll-channel.ts';
export * from './program.ts';
export * from './receiver.ts';
export * from './test-channel.ts';
export * from './visitor.ts';
