/** The model of a staged installation: what a message asks it to play. Anything else is echoed. */
import { join } from 'node:path';
import type { RecordedRequest, Step } from '../../model-server/index.ts';
import type { Surroundings } from '../surroundings.ts';

/** What a tool of the worker with tools is told to write to. */
export const toolFile = ({ directory }: Surroundings, name: string): string => join(directory, name);

/** Two parts on Telegram. */
export const longAnswer = `${'All of it. '.repeat(450)}The end.`;

/** What a vendor has to get back with the call that it thought of. */
export const signature = 'signed-by-the-vendor';

const usage = { input: 100, output: 10 };

/** @returns the plays of a message that says `Play <name>` */
export function playing(surroundings: Surroundings): (request: RecordedRequest) => Step {
  const plays: Record<string, (isFirst: boolean) => Step> = {
    refused: () => ({ status: 400, message: 'The model does not take that.' }),
    model: () => ({ fault: 'hang-after', text: ['Half an ', 'answer.'] }),
    live: () => ({ fault: 'hang-after', text: ['Half an ', 'answer.'] }),
    file: () => ({ fault: 'hang' }),
    cancel: () => ({ fault: 'hang' }),
    long: () => ({ text: longAnswer, usage }),
    note: calls('notes.write', { name: 'note', text: 'kept by note' }),
    between: calls('notes.write', { name: 'between', text: 'kept by between' }),
    once: calls('test.once', { file: toolFile(surroundings, 'once') }),
    idempotent: calls('test.idempotent', { file: toolFile(surroundings, 'idempotent') }),
  };
  return ({ userText, toolResults }) => {
    if (userText.startsWith('What was said since')) return { text: 'They agreed on blue.', usage };
    const play = plays[/Play ([\w-]+)/.exec(userText)?.[1] ?? ''];
    return play?.(toolResults.length === 0) ?? { text: userText || 'ok', usage };
  };
}

const calls = (name: string, args: Record<string, unknown>) => (isFirst: boolean) =>
  isFirst
    ? { thinking: 'It takes a tool.', signature, toolCalls: [{ name, arguments: args }], usage }
    : { text: 'Done.', usage };
