export * from './bus.ts';
export * from './run-events.ts';
