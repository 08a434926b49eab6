export * from './blocked.ts';
export * from './timeline.ts';
export * from './watch-thread.ts';
