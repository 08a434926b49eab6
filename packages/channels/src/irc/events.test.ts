import { describe, expect, it } from 'vitest';
import { describeEvents } from '../../../../test/support/channel/event-examples.ts';
import { toEvent } from './events.ts';

const around = {
  nick: 'nightbot',
  fold: (name: string) => name.toLowerCase(),
  isChannel: (target: string) => target.startsWith('#'),
};
const said = (target: string, text: string, tags: Record<string, string> = {}) =>
  toEvent(
    {
      ...{ command: 'PRIVMSG', params: [target, text], tags: { msgid: 'm1', ...tags } },
      ...{ nick: 'ann', ident: 'a', hostname: 'host.example.org', prefix: 'ann!a@host.example.org' },
    },
    around,
  )!;
const dcc = '\u0001DCC SEND plan.pdf 2130706433 5000 100\u0001';

describe('what its events say beside their text', () =>
  describeEvents(() => ({
    direct: said('nightbot', 'hello'),
    room: said('#Dev', 'hello'),
    quote: said('#Dev', 'why?', { '+draft/reply': 'm0' }),
    forward: 'Nothing marks a line as passed on.',
    unreadable: said('nightbot', dcc),
    mentionOfOthers: 'Mentions are words of the text.',
  })));

it('names the room as people write it, and what is answered by its id', () => {
  expect(said('#Dev', 'why?', { '+draft/reply': 'm0' })).toMatchObject({
    group: '#dev',
    where: { kind: 'channel', name: '#Dev' },
    text: 'why?',
    quoted: { messageId: 'm0', author: null, text: '' },
  });
  expect(said('#Dev', 'why?', { '+reply': 'm'.repeat(5_000) })).toMatchObject({
    quoted: { messageId: 'm'.repeat(200) },
  });
  expect(said('nightbot', 'hello')).toMatchObject({ where: { kind: 'direct', name: null } });
});

it('says what it cannot read, and passes over what a program asks', () => {
  expect(said('nightbot', dcc)).toMatchObject({ text: '', unsupported: ['file'] });
  expect(said('nightbot', '?OTRv23?')).toMatchObject({ text: '', unsupported: ['encrypted message'] });
  expect(said('nightbot', '\u0001VERSION\u0001')).toMatchObject({ type: 'ignored', what: 'CTCP' });
});
