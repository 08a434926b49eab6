export * from './destination.ts';
export * from './keyring.ts';
export * from './private-file.ts';
export * from './seal.ts';
