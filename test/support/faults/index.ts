export * from './cluster.ts';
export * from './gate.ts';
export * from './history.ts';
export * from './killer.ts';
export * from './redis.ts';
export * from './server-process.ts';
export * from './traffic.ts';
export * from './until.ts';
