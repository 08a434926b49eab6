export * from './provider-health.ts';
export * from './sharing.ts';
