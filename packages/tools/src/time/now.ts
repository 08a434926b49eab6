import { z } from 'zod';
import { defineTool, ToolError } from '../tool.ts';

const input = z.strictObject({
  timezone: z.string().max(100).optional().describe('IANA name, e.g. Europe/Berlin. Default UTC.'),
});

export const timeNow = defineTool({
  name: 'time.now',
  description: 'The present date, time and weekday in a timezone.',
  input,
  effect: 'none',
  guests: true,
  async execute({ timezone = 'UTC' }, { now }) {
    let format: Intl.DateTimeFormat;
    try {
      format = new Intl.DateTimeFormat('en-GB', {
        timeZone: timezone,
        dateStyle: 'full',
        timeStyle: 'long',
      });
    } catch {
      throw new ToolError(`"${timezone}" is no IANA timezone. Use a name such as Europe/Berlin or UTC.`);
    }
    const date = now();
    return `${format.format(date)} (${timezone}); ${date.toISOString()} in UTC`;
  },
});
