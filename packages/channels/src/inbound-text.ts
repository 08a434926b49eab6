/** How much of a message from outside is read: the rest is cut off before anything looks at it. */
import { maxMessageLength } from '@nightshift/contracts';
import { z } from 'zod';

/** In UTF-16 code units; one more than a message keeps, so that the inbox still sees that it was longer. */
export const maxInboundText = maxMessageLength + 1;

export const inboundText = z.string().transform((text) => text.slice(0, maxInboundText));

/** Mentions, links and the like over one text: each may cost a look at all of it. Platforms send at most some 100. */
const maxMarks = 200;

/** The first of an array of them. */
export const inboundMarks = <Mark extends z.ZodType>(mark: Mark) =>
  z.preprocess((marks) => (Array.isArray(marks) ? marks.slice(0, maxMarks) : marks), z.array(mark));
