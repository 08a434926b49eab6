export * from './keyring.ts';
export * from './seal.ts';
