/** What programs send to the webhook channel. `webhook-id` names the event, unless its body does. */
import { WebhookUrl } from '@nightshift/contracts';
import { z } from 'zod';
import { ChannelError, type InboundEvent, type Place, type RawRequest } from '../channel.ts';
import { readJson } from '../http.ts';
import { addresseeList, forwardedFrom, nameOf, placeNamed, textWithQuote } from '../particulars.ts';
import { type UnsupportedKind, unknownKind, unsupportedField, unsupportedKinds } from '../unsupported.ts';

const name = z.string().min(1).max(200);
const text = z.string().max(200_000);

const placed = {
  thread: name,
  /** Others read along. Absent: it is between one person and the agent. */
  group: name.optional(),
  /** What people call the place, and what kind of place it is. Without it `group` tells. */
  where: z
    .object({
      kind: z.enum(['direct', 'group', 'channel', 'thread', 'topic', 'mail']),
      name: z.string().max(1_000).nullish(),
    })
    .optional(),
  sender: z.object({
    id: name,
    name: z.string().max(200).nullish(),
    isBot: z.boolean().default(false),
    /** See `Sender.mayRepeat`. */
    mayRepeat: z.boolean().default(false),
    /** What the program knows of the id: see `Sender.identity`. */
    identity: z.enum(['account', 'name']).default('account'),
    place: name.nullable().default(null),
  }),
};

const addresses = z.array(z.string().max(1_000)).max(200).default([]);

const Attachment = z.object({
  name,
  mediaType: z.string().min(1).max(200).default('application/octet-stream'),
  bytes: z.number().int().nonnegative().optional(),
  url: WebhookUrl,
});

const Inbound = z.discriminatedUnion('type', [
  z.object({
    ...placed,
    type: z.literal('message'),
    id: name.optional(),
    text,
    addressed: z.boolean().default(false),
    mentionsOthers: z.boolean().default(false),
    /** The earlier message that it answers or quotes. */
    quoted: z
      .object({
        id: name.nullish(),
        author: z
          .object({ name: z.string().max(1_000).nullish(), isSelf: z.boolean().default(false) })
          .nullish(),
        text: text.default(''),
      })
      .optional(),
    /** Its words are somebody else's. */
    forwarded: z.object({ from: z.string().max(1_000).nullish() }).optional(),
    addressees: z.object({ to: addresses, cc: addresses }).optional(),
    /** What came with it that cannot be read. */
    unsupported: z.array(z.string().max(200)).max(20).default([]),
    attachments: z.array(Attachment).max(50).default([]),
  }),
  z.object({ ...placed, type: z.literal('edited'), id: name, text }),
  z.object({ type: z.literal('deleted'), id: name }),
  z.object({ ...placed, type: z.literal('action'), value: z.string().min(1).max(200) }),
]);

const types: readonly unknown[] = Inbound.options.map(({ shape }) => shape.type.value);

/** See `InboundHook.parse`. */
export function parseInbound(request: RawRequest): InboundEvent[] {
  const externalId = request.headers['webhook-id'];
  if (!externalId) throw new ChannelError('rejected', 'The request has no webhook-id.');
  const json = readJson(request);
  const body = typeof json === 'object' && json !== null ? { type: 'message', ...json } : json;
  // What a later version of a program knows is no mistake of its own.
  const type = (body as { type?: unknown } | null)?.type;
  if (typeof type === 'string' && !types.includes(type)) return [{ type: 'ignored', externalId, what: type }];
  const inbound = Inbound.safeParse(body);
  if (!inbound.success) {
    throw new ChannelError('rejected', `The request is no message. ${z.prettifyError(inbound.error)}`);
  }
  return [toEvent(inbound.data, externalId)];
}

function toEvent(inbound: z.infer<typeof Inbound>, externalId: string): InboundEvent {
  if (inbound.type === 'deleted') return { type: 'deleted', externalId, messageId: inbound.id };
  const { thread, group, sender } = inbound;
  const place = {
    externalId,
    thread: { thread },
    threadKey: thread,
    direct: group === undefined,
    group: group ?? null,
    where: whereIs(inbound),
    // Whoever signs is no echo of ours: what we send is not sent back.
    sender: { ...sender, name: nameOf(sender.name), isSelf: false },
  };
  if (inbound.type === 'action') return { ...place, type: 'action', value: inbound.value };
  if (inbound.type === 'edited')
    return { ...place, type: 'edited', messageId: inbound.id, text: inbound.text };
  const {
    id: messageId,
    text,
    addressed,
    mentionsOthers,
    quoted,
    forwarded,
    addressees,
    attachments,
  } = inbound;
  const unsupported = inbound.unsupported.map(kindOf);
  if (text.trim() === '' && attachments.length === 0 && unsupported.length === 0)
    throw new ChannelError('rejected', 'The message has neither text nor attachments.');
  const quote = quoted && {
    messageId: quoted.id ?? null,
    author: quoted.author ? { name: quoted.author.name, isSelf: quoted.author.isSelf } : null,
    text: quoted.text,
  };
  return {
    ...place,
    type: 'message',
    ...(messageId !== undefined && { messageId }),
    ...textWithQuote(text, quote),
    addressed,
    ...(mentionsOthers && { mentionsOthers }),
    ...(forwarded && { forwarded: forwardedFrom(forwarded.from) }),
    ...(addressees && { addressees: { to: addresseeList(addressees.to), cc: addresseeList(addressees.cc) } }),
    ...unsupportedField(unsupported),
    attachments: attachments.map(({ url, bytes, ...file }) => ({
      ...file,
      bytes: bytes ?? null,
      source: { url },
    })),
  };
}

function whereIs({ group, where }: { group?: string | undefined; where?: Where | undefined }): Place {
  const direct = group === undefined;
  const { kind = direct ? 'direct' : 'group', name } = where ?? {};
  if (kind !== 'mail' && (kind === 'direct') !== direct)
    throw new ChannelError(
      'rejected',
      `A place of the kind ${kind} ${direct ? 'needs' : 'has no'} \`group\`.`,
    );
  return placeNamed(kind, name);
}

interface Where {
  readonly kind: Place['kind'];
  readonly name?: string | null | undefined;
}

/** Of kinds that nobody here has a word for, it is only said that there was one. */
const kindOf = (kind: string): UnsupportedKind =>
  unsupportedKinds.find((known) => known === kind) ?? unknownKind;
