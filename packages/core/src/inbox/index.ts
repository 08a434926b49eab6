export * from './accept.ts';
