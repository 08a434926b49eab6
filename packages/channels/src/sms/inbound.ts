/**
 * What Twilio sends when somebody writes, or when something becomes of a message of ours.
 * https://www.twilio.com/docs/messaging/guides/webhook-request
 */
import { z } from 'zod';
import { ChannelError, type InboundAttachment, type InboundEvent, type RawRequest } from '../channel.ts';
import { readJson } from '../http.ts';
import { maxInboundText } from '../inbound-text.ts';
import { numberPlace } from '../places.ts';
import { unsupportedField } from '../unsupported.ts';
import { isService, type SmsConnection } from './connection.ts';
import { reasonOf } from './errors.ts';
import { bodyHashOf, readForm } from './form.ts';

/** Longer than any message can be. */
const text = z.string().max(100_000);
const sid = z.string().regex(/^(SM|MM)[0-9a-f]{32}$/);
/** A number, a short code or a name; `whatsapp:` and the like stand before those of other channels. */
const party = z.string().min(1).max(200);

const Message = z.object({
  MessageSid: sid,
  AccountSid: z.string(),
  MessagingServiceSid: z.string().optional(),
  From: party,
  To: party,
  Body: text.default(''),
  NumMedia: z.coerce.number().int().min(0).max(50).default(0),
  /** Of a Messaging Service that handles the keywords: STOP, START or HELP. */
  OptOutType: z.string().max(20).optional(),
});

const Status = z.object({
  MessageSid: sid,
  MessageStatus: z.string().min(1).max(100),
  ErrorCode: z.string().max(20).optional(),
});

/**
 * What Twilio, or the carrier, answers by itself, when it is all of a message. YES, which also takes somebody in again,
 * is not among them: people say it to agents.
 * https://help.twilio.com/articles/223134027
 */
const keywords: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT'].map((word) => [
      word,
      'STOP',
    ]),
  ),
  START: 'START',
  UNSTOP: 'START',
  HELP: 'HELP',
  INFO: 'HELP',
};

const ignored = (what: string, externalId: string): InboundEvent => ({ type: 'ignored', externalId, what });

/** See `InboundHook.parse`. */
export function parse(request: RawRequest, { settings }: SmsConnection): InboundEvent[] {
  if (bodyHashOf(request.url) !== null) return parseEvents(request);
  const fields = Object.fromEntries(readForm(request));
  // What becomes of our messages. It names parties as well, with ours as the sender.
  if (fields.MessageStatus !== undefined) return [toStatusEvent(fields)];
  const read = Message.safeParse(fields);
  if (!read.success) throw new ChannelError('rejected', 'The request is no message of Twilio.');
  return [toEvent(read.data, fields, settings)];
}

function toStatusEvent(fields: object): InboundEvent {
  const read = Status.safeParse(fields);
  if (!read.success) throw new ChannelError('rejected', 'The request is no status of Twilio.');
  const { MessageSid, MessageStatus, ErrorCode } = read.data;
  // https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
  if (MessageStatus === 'failed' || MessageStatus === 'undelivered') {
    return {
      type: 'undelivered',
      externalId: `${MessageSid}:${MessageStatus}`,
      sent: { id: MessageSid },
      reason: { code: ErrorCode || 'undelivered', message: reasonOf(ErrorCode) },
    };
  }
  return ignored(
    `status ${MessageStatus}${ErrorCode ? ` ${ErrorCode}` : ''}`,
    `${MessageSid}:${MessageStatus}`,
  );
}

function toEvent(
  message: z.infer<typeof Message>,
  fields: Readonly<Record<string, string>>,
  { accountSid, sender: ours }: SmsConnection['settings'],
): InboundEvent {
  const { MessageSid: externalId, From: from, To: to, Body: body, OptOutType } = message;
  const isForUs = isService(ours) ? message.MessagingServiceSid === ours : to === ours;
  if (message.AccountSid !== accountSid || !isForUs) return ignored('message to another number', externalId);
  const word = body.trim().toUpperCase();
  const keyword = OptOutType ?? keywords[word];
  if (keyword) return ignored(`keyword ${keyword}`, externalId);

  const attachments = readMedia(message.NumMedia, fields);
  // Media that it names and gives no address of.
  const isMissing = attachments.length < message.NumMedia;
  if (body.trim() === '' && attachments.length === 0 && !isMissing)
    return ignored('empty message', externalId);
  return {
    type: 'message',
    externalId,
    messageId: externalId,
    thread: { to: from },
    threadKey: from,
    direct: true,
    group: null,
    where: { kind: 'direct', name: null },
    sender: {
      id: from,
      // A name is chosen by whoever sends under it; a number is assigned by a carrier.
      identity: /^\+?\d+$/.test(from) ? 'account' : 'name',
      place: numberPlace(from),
      name: null,
      // Short codes and names send; nobody holds a phone that has one.
      isBot: !/^\+\d{7,15}$/.test(from),
      isSelf: from === to,
    },
    text: body.slice(0, maxInboundText),
    addressed: false,
    ...unsupportedField(isMissing ? ['media'] : []),
    attachments,
  };
}

function readMedia(count: number, fields: Readonly<Record<string, string>>): InboundAttachment[] {
  return Array.from({ length: count }, (_, at): InboundAttachment[] => {
    const url = fields[`MediaUrl${at}`];
    if (!url) return [];
    const mediaType = fields[`MediaContentType${at}`] || 'application/octet-stream';
    const suffix = /\/(?:x-)?([a-z0-9]{1,8})(?:;|$)/i.exec(mediaType)?.[1];
    return [
      { name: `media-${at + 1}${suffix ? `.${suffix}` : ''}`, mediaType, bytes: null, source: { url } },
    ];
  }).flat();
}

const Events = z.array(z.object({ id: z.string().min(1).max(200), type: z.string().min(1).max(200) })).min(1);

/** Event Streams tells in JSON of what the form tells of as well: https://www.twilio.com/docs/events */
function parseEvents(request: RawRequest): InboundEvent[] {
  const json = readJson(request);
  const read = Events.safeParse(Array.isArray(json) ? json : [json]);
  if (!read.success) throw new ChannelError('rejected', 'The request holds no events of Twilio.');
  return read.data.map(({ id, type }) => ignored(type, id));
}
