/** Schedules that the agent makes for the people it talks to: reminders, reports, checks. */
import type { Schedule } from '@nightshift/contracts';
import { z } from 'zod';
import { defineTool } from '../tool.ts';

/** An agent that looks at something every second would do nothing else. */
const minSeconds = 60;

const timing = {
  cron: z
    .string()
    .max(200)
    .optional()
    .describe(
      'Repeats by the calendar: "minute hour day-of-month month day-of-week" in the timezone, e.g. "0 8 * * MON-FRI" for every weekday at 8.',
    ),
  everySeconds: z
    .number()
    .int()
    .min(minSeconds)
    .max(31_536_000)
    .optional()
    .describe(`Repeats after so many seconds, at least ${minSeconds}.`),
  at: z.iso
    .datetime({ local: true, offset: true })
    .optional()
    .describe('Once, at this time: "2027-01-31T08:00:00" in the timezone, or with an offset of its own.'),
};

const timezone = z
  .string()
  .max(100)
  .describe("IANA name of the person's timezone, e.g. Europe/Berlin. Ask when you do not know it.");
const name = z.string().trim().min(1).max(100).describe('A few words by which the person knows it.');
const prompt = z
  .string()
  .trim()
  .min(1)
  .max(20_000)
  .describe(
    'What you will be told when it is time, e.g. "Remind Ada to call the bank." Write it for yourself, with all you need to know then.',
  );
const id = z.uuid().describe('The id of the schedule, from schedules.list.');

function describe(schedule: Schedule): string {
  const { cron, everySeconds, at, status, nextFires } = schedule;
  const when =
    cron !== null
      ? `cron "${cron}" in ${schedule.timezone}`
      : everySeconds !== null
        ? `every ${everySeconds} s`
        : `once at ${at}`;
  const next = nextFires[0] ? `next at ${nextFires[0].local}` : (schedule.pausedReason ?? 'nothing to come');
  const origin = schedule.madeByAgent ? '' : ' (made by a person: you cannot change it)';
  return `${schedule.id} "${schedule.name}": ${when}; ${status}, ${next}${origin}. Prompt: ${schedule.prompt}`;
}

export const schedulesCreate = defineTool({
  name: 'schedules.create',
  description:
    'Makes a schedule: at its time you are told the prompt, in a run of your own, and what you answer is sent to the ' +
    'person. Use it for "remind me", "every morning", "check each hour". Give exactly one of cron, everySeconds and ' +
    'at. Look up the present time with time.now first when the person says "tomorrow" or "in two hours". Returns the ' +
    "schedule's id and when it is next due; tell the person that time.",
  input: z.strictObject({
    name,
    prompt,
    ...timing,
    timezone,
    here: z
      .boolean()
      .default(true)
      .describe('Answer in this conversation. False: in a conversation of its own, which nobody is told of.'),
  }),
  effect: 'idempotent',
  async execute(input, { schedules, idempotencyKey }) {
    return `Made. ${describe(await schedules.create(input, idempotencyKey))}`;
  },
});

export const schedulesList = defineTool({
  name: 'schedules.list',
  description: 'Lists your schedules: id, name, when each is due, whether it is paused, and its prompt.',
  input: z.strictObject({}),
  effect: 'none',
  async execute(_input, { schedules }) {
    const { data, nextCursor } = await schedules.list();
    if (data.length === 0) return 'There are no schedules.';
    const more = nextCursor ? `\nThere are more than these ${data.length}.` : '';
    return data.map(describe).join('\n') + more;
  },
});

export const schedulesUpdate = defineTool({
  name: 'schedules.update',
  description:
    'Changes a schedule that you made: name, prompt, timing, or status "paused" and "active" to stop and go on. What you ' +
    'leave out stays. A cron, everySeconds or at takes the place of the one before.',
  input: z.strictObject({
    id,
    name: name.optional(),
    prompt: prompt.optional(),
    ...timing,
    timezone: timezone.optional(),
    status: z.enum(['active', 'paused']).optional(),
  }),
  effect: 'idempotent',
  async execute({ id, ...change }, { schedules }) {
    return `Changed. ${describe(await schedules.update(id, change))}`;
  },
});

export const schedulesDelete = defineTool({
  name: 'schedules.delete',
  description: 'Deletes a schedule that you made.',
  input: z.strictObject({ id }),
  effect: 'idempotent',
  async execute(input, { schedules }) {
    return (await schedules.delete(input.id)) ? 'Deleted.' : 'There is no such schedule any more.';
  },
});
