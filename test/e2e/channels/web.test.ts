/** The walk of a web chat: one script tag on somebody's page, in a real browser. */
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createAgent } from '../../support/api/index.ts';
import { type HostPage, startBrowser, startHostPage } from '../../support/browser/index.ts';
import { connectWebChat, type WebChat } from '../../support/channel/index.ts';
import { startTestCluster, type TestCluster } from '../../support/faults/test-cluster.ts';
import { describeWith } from '../../support/programs.ts';

const patient = { timeout: 60_000 };
const testTimeout = { timeout: 120_000 };

describeWith('chromium', 'the web chat in a browser', () => {
  let cluster: TestCluster;
  let host: HostPage;
  let browser: Browser;
  let agentId: string;
  let chat: WebChat;
  let context: BrowserContext;
  let page: Page;
  /** What the page's console was told, and what nobody caught. */
  let complaints: string[];

  beforeAll(async () => {
    cluster = await startTestCluster();
    host = await startHostPage();
    browser = await startBrowser();
    agentId = await createAgent(cluster.owner, { model: cluster.model });
  });
  afterAll(async () => {
    await browser?.close();
    await host?.close();
    await cluster?.close();
  });
  beforeEach(async () => {
    cluster.server.reset();
    await visit();
  });
  afterEach(() => context.close());

  const tag = () => `<script src="${cluster.url}/widget.js" data-channel="${chat.key}" async></script>`;
  const widget = () => page.locator('nightshift-chat');
  const launcher = () => widget().locator('.launcher');
  const box = () => widget().locator('textarea');
  const texts = async (kind: string): Promise<string[]> =>
    (await widget().locator(`[role=log] .${kind}`).allInnerTexts()).map((text) =>
      text.replace(/^[^:\n]*:\s+/, ''),
    );
  const count = (selector: string) => widget().locator(selector).count();
  const untilAnswers = (texts_: (string | RegExp)[]) =>
    expect
      .poll(() => texts('agent'), patient)
      .toEqual(texts_.map((text) => (typeof text === 'string' ? text : expect.stringMatching(text))));
  const ask = async (text: string) => {
    await box().fill(text);
    await box().press('Enter');
  };

  /** A new visitor's browser, on a page with a new chat. */
  async function visit({
    settings = {},
    body = '<h1>Shop</h1>',
    policy,
    lang,
    ...options
  }: BrowserContextOptions & { settings?: object; body?: string; policy?: string; lang?: string } = {}) {
    await context?.close();
    chat = await connectWebChat(cluster.owner, agentId, { settings: { origins: host.origin, ...settings } });
    context = await browser.newContext(options);
    page = await context.newPage();
    complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content.Security|Trusted|cannot be shown/i.test(message.text())) complaints.push(message.text());
    });
    host.show(body + tag(), { ...(policy && { policy }), ...(lang && { lang }) });
    await page.goto(host.origin);
  }
  async function open() {
    await launcher().click();
    await box().waitFor();
  }

  it(
    'shows the answer as it is written, and formatted; after a reload it is all there',
    testTimeout,
    async () => {
      cluster.server.script([
        {
          text: [
            'Your order is **on ',
            'its way**:\n\n',
            '- packed\n- sent\n\n',
            '| a | b |\n|--|--|\n| 1 | 2 |\n\n',
            '```js\nok();\n```\n\n',
            '[track](https://e.example/42)',
          ],
          chunkMs: 500,
        },
      ]);
      await open();
      expect(await widget().locator('.message.agent').first().innerText()).toBe('Hello! How can I help you?');
      await ask('Where is it?');
      // While it is written.
      await expect.poll(() => count('.draft strong'), patient).toBe(1);
      expect(await count('[role=log] .agent')).toBe(0);
      await untilAnswers([/on its way/]);
      expect(await count('.draft:not([hidden])')).toBe(0);
      const answer = widget().locator('[role=log] .agent');
      expect(await answer.locator('li').allInnerTexts()).toEqual(['packed', 'sent']);
      expect(await answer.locator('td').allInnerTexts()).toEqual(['1', '2']);
      expect(await answer.locator('pre').innerText()).toBe('ok();');
      const link = answer.locator('a');
      expect(await link.getAttribute('rel')).toContain('noopener');
      expect(await texts('visitor')).toEqual(['Where is it?']);
      expect(await count('.unsent .message')).toBe(0);

      await page.reload();
      // It was open, so it is again.
      await untilAnswers([/on its way/]);
      expect(await texts('visitor')).toEqual(['Where is it?']);
      expect(complaints).toEqual([]);
    },
  );

  it(
    'an api that dies in the middle costs nothing: the answer comes once, and what is written meanwhile is sent',
    testTimeout,
    async () => {
      cluster.server.script([{ text: ['One ', 'two ', 'three.'], chunkMs: 1_500 }, { text: 'And four.' }]);
      await open();
      await ask('Count');
      await expect.poll(() => count('.draft .agent'), patient).toBe(1);
      const restarted = cluster.restartApi();
      await expect.poll(() => widget().locator('.state').innerText(), patient).toContain('No connection');
      await ask('Go on');
      await restarted;
      await untilAnswers(['One two three.', 'And four.']);
      expect(await texts('visitor')).toEqual(['Count', 'Go on']);
      const said = await cluster.sql(
        `SELECT m.role FROM message m JOIN conversation c ON c.id = m.conversation_id WHERE c.channel_id = $1 AND m.role = 'user'`,
        [chat.id],
      );
      expect(said).toHaveLength(2);
      await expect.poll(() => count('.state:not([hidden])'), patient).toBe(0);
    },
  );

  it(
    'what is written while the browser is offline is kept over a reload, and sent once it is not',
    testTimeout,
    async () => {
      cluster.server.script([{ text: 'Here I am.' }]);
      await open();
      await expect.poll(() => count('.state:not([hidden])'), patient).toBe(0);
      const gone = (route: { abort(): Promise<void> }) => route.abort();
      await page.route('**/v1/widget/*/**', gone);
      await ask('Are you there?');
      await expect.poll(() => count('.unsent .pending'), patient).toBe(1);
      await page.reload();
      await expect.poll(() => count('.unsent .pending'), patient).toBe(1);
      await page.unroute('**/v1/widget/*/**', gone);
      await untilAnswers(['Here I am.']);
      expect(await texts('visitor')).toEqual(['Are you there?']);
      expect(await count('.unsent .message')).toBe(0);
    },
  );

  it('two tabs are one visitor', testTimeout, async () => {
    cluster.server.script([{ text: 'Hello you.' }]);
    await open();
    const other = await context.newPage();
    await other.goto(host.origin);
    await other.locator('nightshift-chat .launcher').click();
    await ask('Hello');
    await untilAnswers(['Hello you.']);
    await expect.poll(() => other.locator('nightshift-chat [role=log] .message').count(), patient).toBe(2);
  });

  it('nothing that is said can run', testTimeout, async () => {
    const hostile = [
      '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>',
      '[click](javascript:window.pwned=1) <a href="javascript:window.pwned=1">x</a>',
      '<svg onload="window.pwned=1">',
      '```"><img src=x onerror=window.pwned=1>\n<script>window.pwned=1</script>\n```',
      '| <img src=x onerror=window.pwned=1> |\n|--|\n| <iframe srcdoc="<script>parent.pwned=1</script>"> |',
    ].join('\n\n');
    await visit({
      settings: { title: '<img src=x onerror=window.pwned=1>', greeting: '<b onclick=1>hi</b>' },
    });
    cluster.server.script([{ text: hostile }]);
    await open();
    await ask('<img src=x onerror=window.pwned=1>');
    await untilAnswers([/onerror/]);
    for (const tag of ['img', 'script', 'iframe', 'b', 'a[href^="javascript"]', '[onerror]', '[onclick]'])
      expect([tag, await count(tag)]).toEqual([tag, 0]);
    expect(await page.evaluate(() => 'pwned' in globalThis)).toBe(false);
    expect(await texts('visitor')).toEqual(['<img src=x onerror=window.pwned=1>']);
  });

  it('not even what a server sends that is not ours can', testTimeout, async () => {
    const evil = {
      messages: [
        {
          id: '0199a8f0-0000-7000-8000-000000000001',
          role: 'agent',
          blocks: [
            { tag: 'script', children: ['window.pwned=1'] },
            { tag: 'img', src: 'x', onerror: 'window.pwned=1' },
            { tag: 'a', href: 'javascript:window.pwned=1', children: ['link'] },
            { tag: 'p', onclick: 'window.pwned=1', style: 'position:fixed', children: ['text'] },
            { tag: 'pre', lang: '<img src=x onerror=window.pwned=1>', children: ['<script>'] },
            null,
            7,
          ],
          files: [{ name: '<img src=x onerror=window.pwned=1>', mediaType: 'x' }],
          clientId: null,
          runId: null,
          createdAt: '2026-11-22T12:00:00.000Z',
        },
      ],
      older: false,
      reset: true,
    };
    await page.route('**/v1/widget/*/events', (route) =>
      route.fulfill({
        status: 200,
        headers: { 'content-type': 'text/event-stream', 'access-control-allow-origin': host.origin },
        body: `event: history\ndata: ${JSON.stringify(evil)}\n\n`,
      }),
    );
    await open();
    await expect.poll(() => texts('agent'), patient).toEqual([expect.stringContaining('text')]);
    for (const tag of ['img', 'script', 'a[href]', '[onclick]', 'p[style]'])
      expect([tag, await count(tag)]).toEqual([tag, 0]);
    expect(await page.evaluate(() => 'pwned' in globalThis)).toBe(false);
  });

  it('is not shown on pages of other origins', testTimeout, async () => {
    const other = await startHostPage();
    try {
      other.show(tag());
      await page.goto(other.origin);
      await expect.poll(() => complaints, patient).toEqual([expect.stringContaining('cannot be shown here')]);
      expect(await launcher().count()).toBe(0);
    } finally {
      await other.close();
    }
  });

  it('works under a strict policy, and the page’s styles do not reach it', testTimeout, async () => {
    await visit({
      body: '<link rel="icon" href="data:,"><h1>Shop</h1>',
      policy: `default-src 'none'; script-src ${cluster.url}; connect-src ${cluster.url}; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'`,
    });
    cluster.server.script([{ text: 'Yes, **it** does.' }]);
    await open();
    await ask('Does it work?');
    await untilAnswers(['Yes, it does.']);
    expect(complaints).toEqual([]);
    const page_ =
      '<style>* { color: red !important; font-size: 40px !important } div { display: none !important }</style>';
    await visit({ body: page_ });
    await open();
    const style = await box().evaluate((element) => {
      const { color, fontSize } = element.ownerDocument.defaultView!.getComputedStyle(element);
      return { color, fontSize };
    });
    expect(style.color).not.toBe('rgb(255, 0, 0)');
    expect(style.fontSize).toBe('16px');
  });

  it('is used with the keyboard alone', testTimeout, async () => {
    cluster.server.script([{ text: 'Hello.' }]);
    await launcher().waitFor();
    await page.keyboard.press('Tab');
    expect(await focused()).toContain('launcher');
    await page.keyboard.press('Enter');
    await box().waitFor();
    await expect.poll(focused).toContain('TEXTAREA');
    await page.keyboard.type('One');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Two');
    await page.keyboard.press('Enter');
    await untilAnswers(['Hello.']);
    expect(await texts('visitor')).toEqual(['One\nTwo']);
    await page.keyboard.press('Escape');
    expect(await widget().locator('.panel').isVisible()).toBe(false);
    expect(await focused()).toContain('launcher');
    expect(await launcher().getAttribute('aria-expanded')).toBe('false');
  });
  const focused = () =>
    widget().evaluate(({ shadowRoot }) => {
      const { activeElement } = shadowRoot!;
      return `${activeElement?.tagName} ${activeElement?.className}`;
    });

  it('on a phone it is the whole page, and holds the focus', testTimeout, async () => {
    await visit({ viewport: { width: 390, height: 780 } });
    await open();
    const panel = widget().locator('.panel');
    // It rises.
    await expect.poll(() => panel.boundingBox(), patient).toEqual({ x: 0, y: 0, width: 390, height: 780 });
    expect(await panel.getAttribute('aria-modal')).toBe('true');
    for (let at = 0; at < 12; at += 1) {
      await page.keyboard.press('Tab');
      expect(await focused()).not.toMatch(/^undefined/);
    }
    for (const button of await widget().locator('button:visible').all()) {
      const size = (await button.boundingBox())!;
      expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(44);
    }
  });

  it('is read out in the language of the page, and says nothing word by word', testTimeout, async () => {
    await visit({ lang: 'de-AT' });
    expect(await launcher().getAttribute('aria-label')).toBe('Chat öffnen');
    await open();
    const log = widget().locator('[role=log]').last();
    expect(await log.getAttribute('aria-live')).toBe('polite');
    cluster.server.script([{ text: ['Guten ', 'Tag.'], chunkMs: 800 }]);
    await ask('Hallo');
    await expect.poll(() => widget().locator('.said[role=status]').innerText(), patient).toBe('Schreibt …');
    await expect.poll(() => count('.draft .agent'), patient).toBe(1);
    expect(await log.locator('.agent').count()).toBe(0);
    await untilAnswers(['Guten Tag.']);
    // Everything that can be used has a name.
    for (const control of await widget().locator('button:visible, textarea').all())
      expect(await accessibleName(control)).not.toBe('');
  });
  const accessibleName = (control: Locator) =>
    control.evaluate((element) => element.getAttribute('aria-label') || element.textContent?.trim() || '');

  it('says when to wait, and what is too long', testTimeout, async () => {
    await open();
    await box().fill('x'.repeat(8_010));
    await expect.poll(() => widget().locator('.state').innerText(), patient).toBe('10 characters too many');
    await box().press('Enter');
    expect(await count('.visitor')).toBe(0);
    await box().fill('x');
    await expect.poll(() => count('.state:not([hidden])')).toBe(0);
    let refused = false;
    await page.route('**/v1/widget/*/messages', (route) => {
      if (refused || route.request().method() !== 'POST') return route.continue();
      refused = true;
      return route.fulfill({
        status: 429,
        headers: {
          'access-control-allow-origin': host.origin,
          'access-control-expose-headers': 'retry-after',
          'retry-after': '3',
          'content-type': 'application/problem+json',
        },
        body: '{"detail":"too much"}',
      });
    });
    cluster.server.script([{ text: 'Hello.' }]);
    await ask('Hello');
    await expect.poll(() => widget().locator('.state').innerText(), patient).toMatch(/Please wait \d s/);
    await untilAnswers(['Hello.']);
  });

  it('the demo page of the server shows it, too', testTimeout, async () => {
    cluster.server.script([{ text: 'Hello.' }]);
    await page.goto(`${cluster.url}/widget/demo?channel=${chat.key}`);
    await open();
    await ask('Hello');
    await untilAnswers(['Hello.']);
    expect(complaints).toEqual([]);
  });

  it('files go along', testTimeout, async () => {
    await visit({ settings: { files: true } });
    cluster.server.script([{ text: 'It says 4711.' }]);
    await open();
    await widget()
      .locator('input[type=file]')
      .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('The code is 4711.') });
    await expect.poll(() => widget().locator('.chosen .file').innerText(), patient).toBe('notes.txt');
    await ask('What does it say?');
    await untilAnswers(['It says 4711.']);
    expect(await widget().locator('[role=log] .visitor .file').allInnerTexts()).toEqual(['notes.txt']);
    expect(JSON.stringify(cluster.server.requests.at(-1)!.body)).toContain('The code is 4711.');
  });
});
