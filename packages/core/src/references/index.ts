export * from './names.ts';
export * from './resolve.ts';
export { isWholeId } from './short-id.ts';
export * from './spellings.ts';
export * from './unique-names.ts';
