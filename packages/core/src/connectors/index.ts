export * from './connectors.ts';
