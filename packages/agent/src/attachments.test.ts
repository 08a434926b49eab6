import type { StoredFile } from '@nightshift/core/channels';
import type { ClaimedRun } from '@nightshift/core/runs';
import { expect, it } from 'vitest';
import { showAttachments } from './attachments.ts';

const run = {} as ClaimedRun;
const signal = new AbortController().signal;

async function shown(mediaType: string, data: Buffer | null, problem: string | null = null) {
  const file: StoredFile = {
    id: 'f',
    name: 'report',
    mediaType,
    status: data ? 'ready' : 'failed',
    source: {},
    bytes: data?.length ?? null,
    data,
    problem,
  };
  const part = { type: 'attachment' as const, fileId: 'f', name: 'report', mediaType };
  const message = { role: 'user' as const, content: [part] };
  const reader = { read: async () => new Map([['f', file]]) };
  const [only] = await showAttachments(reader, run, [message as never], signal);
  return only!.content[0];
}

it('a PDF goes to the model as it is', async () => {
  const data = Buffer.from('%PDF-1.4');
  expect(await shown('application/pdf', data)).toEqual({
    type: 'file',
    mediaType: 'application/pdf',
    name: 'report',
    data: data.toString('base64'),
  });
});

it('one that is too large for a request is named', async () => {
  const part = await shown('application/pdf', Buffer.alloc(11 * 1024 * 1024));
  expect(part).toMatchObject({ type: 'text', text: expect.stringContaining('cannot be shown') });
});

it('so is what could not be fetched, with the reason', async () => {
  const part = await shown('application/pdf', null, 'It is gone.');
  expect(part).toMatchObject({
    type: 'text',
    text: expect.stringMatching(/could not be fetched. It is gone\./),
  });
});
