export * from './entries.ts';
export * from './ledger.ts';
export * from './report.ts';
