export * from './connectors.ts';
export * from './state.ts';
