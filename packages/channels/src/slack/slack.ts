/**
 * Slack, by way of @slack/bolt: its Web API and Socket Mode clients, not its `App`.
 *
 * An App is a process: it keeps tokens, authorises each event by a request, runs listeners and answers Slack itself, all
 * of it asynchronously and once per set of credentials. Here a hundred connections share a process, an event is read
 * before anything is asked of Slack, and it is acknowledged only when its row is committed, by code that knows no
 * platform. What would be left of an App is `processEvent`, which hands us the payload that we gave it. Its clients on
 * the other hand earn their place: they know Slack's encoding, errors, warnings, scopes, and how to tell a dead socket.
 */
import { type ChannelAdapter, defaultEditThrottle } from '../channel.ts';
import { download, sendFile } from './files.ts';
import { createHook } from './hook.ts';
import { createNames } from './names.ts';
import { probe } from './probe.ts';
import { edit, react, send, typing } from './send.ts';
import { Credentials, Settings } from './settings.ts';
import { createConnector } from './socket.ts';

const mebibyte = 1024 * 1024;

export function createSlack(): ChannelAdapter<Credentials, Settings> {
  const names = createNames();
  return {
    kind: 'slack',
    capabilities: {
      dialect: 'slack',
      // chat.postMessage takes 40,000 characters, but breaks them up, and chat.update refuses more than these.
      limit: { max: 4_000, unit: 'utf16' },
      idempotentSend: false,
      edit: defaultEditThrottle,
      // Slack's own time is two minutes.
      typing: { lastsMs: 110_000 },
      // "One message per second per channel", with short bursts; chat.update has a limit of its own, which the throttle keeps.
      // https://docs.slack.dev/apis/web-api/rate-limits
      rates: {
        chat: ['channel'],
        direct: { messages: 1, perMs: 1_000, burst: 3 },
        group: { messages: 1, perMs: 1_000, burst: 3 },
        edits: false,
      },
      threads: true,
      files: { inMax: 50 * mebibyte, outMax: 50 * mebibyte },
      reactions: true,
      buttons: true,
    },
    credentials: Credentials,
    settings: Settings,
    hook: createHook(names),
    connector: createConnector(names),
    send,
    edit,
    typing,
    react,
    sendFile,
    download,
    probe,
  };
}

export const slack = createSlack();
