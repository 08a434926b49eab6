export * from './budgets.ts';
export * from './decimal.ts';
export * from './limits.ts';
export * from './outlook.ts';
export * from './prune.ts';
export * from './reserve.ts';
export * from './waiting.ts';
export * from './warnings.ts';
