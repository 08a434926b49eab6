export * from './destination.ts';
export * from './keyring.ts';
export * from './seal.ts';
