/** The manifests of the guide are what people paste, so they have to be what the adapter needs. */
import { readFileSync } from 'node:fs';
import { botEvents, scopes, slack } from '@nightshift/channels/slack';
import { describe, expect, it } from 'vitest';

const guide = readFileSync(new URL('../../../docs/channels/slack.md', import.meta.url), 'utf8');
const manifests = [...guide.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json]) => JSON.parse(json!));

it('has a manifest for each way in, alike but for the way', () => {
  expect(manifests.map(({ settings }) => settings.socket_mode_enabled)).toEqual([true, false]);
  const [socket, http] = manifests.map((manifest) =>
    JSON.parse(
      JSON.stringify(manifest, (key, value) =>
        ['url', 'request_url', 'socket_mode_enabled'].includes(key) ? undefined : value,
      ),
    ),
  );
  expect(socket).toEqual(http);
});

describe.each(manifests)('the manifest with Socket Mode $settings.socket_mode_enabled', (manifest) => {
  it('asks for the permissions that the adapter needs, and no others', () => {
    expect(manifest.oauth_config.scopes.bot).toEqual(Object.keys(scopes).sort());
    expect(manifest.oauth_config.scopes).not.toHaveProperty('user');
  });

  it('subscribes to what the adapter reads', () => {
    expect(manifest.settings.event_subscriptions.bot_events).toEqual([...botEvents]);
    expect(manifest.settings.interactivity.is_enabled).toBe(true);
    expect(manifest.features.slash_commands).toMatchObject([
      { command: slack.settings.parse({}).command, should_escape: true },
    ]);
  });

  it('lets people write to the app, and keeps the token as it is', () => {
    expect(manifest.features.app_home).toMatchObject({
      messages_tab_enabled: true,
      messages_tab_read_only_enabled: false,
    });
    expect(manifest.settings.token_rotation_enabled).toBe(false);
    // https://docs.slack.dev/reference/app-manifest
    expect(manifest.display_information.name.length).toBeLessThanOrEqual(35);
    expect(manifest.display_information.description.length).toBeLessThanOrEqual(140);
    expect(manifest.features.bot_user.display_name.length).toBeLessThanOrEqual(80);
  });

  it('gives Slack an address for each of the three, by HTTP alone', () => {
    const { event_subscriptions, interactivity, socket_mode_enabled } = manifest.settings;
    const urls = [
      event_subscriptions.request_url,
      interactivity.request_url,
      manifest.features.slash_commands[0].url,
    ];
    for (const url of urls) {
      if (socket_mode_enabled) expect(url).toBeUndefined();
      else expect(url).toBe('https://nightshift.example.com/v1/hooks/your-key');
    }
  });
});
