export * from './account.ts';
export * from './imap-server.ts';
export * from './mails.ts';
export * from './smtp-server.ts';
