export * from './metrics.ts';
export * from './siblings.ts';
