/** Everything outside of a staged installation: vendors, platforms, receivers, and a directory that tools write to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, type Receiver, startProgram, startReceiver } from '../channel/index.ts';
import { type ModelServer, startModelServer } from '../model-server/index.ts';
import { ann, type FakeTelegram, startTelegram } from '../telegram/index.ts';

/** What the staged installation keeps sealed or hashed, and whoever takes it over has to know. For tests alone. */
export const secrets = {
  /** NIGHTSHIFT_SECRET_KEY */
  secretKey: 'the secret key of recorded test databases',
  /** NIGHTSHIFT_ADMIN_KEY */
  adminKey: 'ns_owner-key-of-recorded-test-databases',
  modelKey: 'sk-recorded-test-database-0123456789',
  /** Of the program at the other end of the webhook channel. */
  program: `whsec_${Buffer.from('the program of recorded test dbs').toString('base64')}`,
  /** Of the outgoing webhook. */
  webhook: `whsec_${Buffer.from('the webhook of recorded test dbs').toString('base64')}`,
};

/** Somebody else who writes to the bot. */
export const bob = { id: 4712, is_bot: false, first_name: 'Bob', username: 'bobby' };

export interface Surroundings {
  model: ModelServer;
  program: Program;
  telegram: FakeTelegram;
  /** Is told of events, and has files to fetch. */
  receiver: Receiver;
  directory: string;
  /** What stands for each of them in a record → where it is now. */
  places: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function openSurroundings(): Promise<Surroundings> {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-staged-'));
  const [model, program, telegram, receiver] = await Promise.all([
    startModelServer(),
    startProgram(secrets.program),
    startTelegram({
      chats: [ann, bob].map(({ id, first_name }) => ({ id, type: 'private', first_name })),
    }),
    startReceiver(),
  ]);
  return {
    model,
    program,
    telegram,
    receiver,
    directory,
    places: {
      '@model@': new URL(model.url).host,
      '@program@': new URL(program.receiver.url).host,
      '@telegram@': new URL(telegram.url).host,
      '@receiver@': new URL(receiver.url).host,
      '@directory@': directory,
      // Of leases, whose owners' names begin with it.
      '"@host@/': `"${hostname()}/`,
    },
    async close() {
      await Promise.all([model, program, telegram, receiver].map((each) => each.close()));
      rmSync(directory, { recursive: true });
    },
  };
}
