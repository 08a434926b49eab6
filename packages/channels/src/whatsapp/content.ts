/** What a message says, in words and attachments. */
import type { InboundAttachment } from '../channel.ts';
import { maxInboundText } from '../inbound-text.ts';
import type { Content } from './payload.ts';

export interface Said {
  readonly text: string;
  readonly attachments: readonly InboundAttachment[];
}

const mediaTypes = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg',
  document: 'application/octet-stream',
  sticker: 'image/webp',
} as const;

const words = (...parts: (string | undefined)[]) => parts.filter((part) => part?.trim()).join(', ');

/** Undefined: it is of a type that says nothing to us, or does not hold what its type promises. */
export function readContent(content: Content): Said | undefined {
  const said = (text: string | undefined): Said | undefined =>
    text?.trim() ? { text: text.slice(0, maxInboundText), attachments: [] } : undefined;
  switch (content.type) {
    case 'text':
      return said(content.text?.body);
    // A quick reply of a template that the business sent from elsewhere. Ours come back as `interactive`.
    case 'button':
      return said(content.button?.text);
    case 'location':
      return said(content.location && describeLocation(content.location));
    case 'contacts':
      return said(content.contacts?.map(describeContact).join('\n'));
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return readMedia(content, content.type);
    default:
      return undefined;
  }
}

function readMedia(content: Content, type: keyof typeof mediaTypes): Said | undefined {
  const media = content[type];
  if (!media) return undefined;
  const mediaType = media.mime_type ?? mediaTypes[type];
  // "audio/ogg; codecs=opus"
  const suffix = /\/(?:x-)?([a-z0-9]{1,8})(?:;|$)/i.exec(mediaType)?.[1];
  return {
    text: (media.caption ?? '').slice(0, maxInboundText),
    attachments: [
      {
        name: media.filename ?? (suffix ? `${type}.${suffix}` : type),
        mediaType,
        bytes: null,
        source: { media: media.id },
      },
    ],
  };
}

function describeLocation({ latitude, longitude, name, address }: NonNullable<Content['location']>): string {
  return `Location: ${words(name, address, `${latitude}, ${longitude}`)}`;
}

function describeContact({ name, phones = [], emails = [] }: NonNullable<Content['contacts']>[number]) {
  const reached = [...phones.map(({ phone }) => phone), ...emails.map(({ email }) => email)];
  return `Contact: ${words(name?.formatted_name, ...reached)}`;
}
