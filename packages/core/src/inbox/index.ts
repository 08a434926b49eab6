export * from './accept.ts';
export * from './accept-events.ts';
export * from './approval.ts';
export { pruneRoomMessages } from './room.ts';
export * from './wake.ts';
