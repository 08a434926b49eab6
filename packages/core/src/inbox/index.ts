export * from './accept.ts';
export * from './accept-events.ts';
export * from './approval.ts';
export * from './wake.ts';
