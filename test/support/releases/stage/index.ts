export * from './model.ts';
export * from './stage.ts';
