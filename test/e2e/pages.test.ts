/** Every page of ours in a real browser, over plain http under a name that is not localhost. */
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent, type Product, startProduct } from '../support/api/index.ts';
import { startBrowser } from '../support/browser/index.ts';
import { connectWebChat } from '../support/channel/index.ts';
import { describeWith } from '../support/programs.ts';

const host = 'nightshift.test';
/** The page of all calls takes a machine that is busy a while. */
const slow = { timeout: 120_000 };

describeWith('chromium', 'pages in a browser', () => {
  let product: Product;
  let browser: Browser;
  let origin: string;
  let chatKey: string;

  beforeAll(async () => {
    product = await startProduct();
    const chat = await connectWebChat(product.owner, await createAgent(product.owner));
    chatKey = chat.key;
    origin = `http://${host}:${(product.app.server.address() as AddressInfo).port}`;
    // The name leads here, and every other one nowhere.
    browser = await startBrowser(
      `--host-resolver-rules=MAP ${host} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
    );
  });
  afterAll(async () => {
    await browser?.close();
    await product.close();
  });

  /** Opens a page, and notes what it asks for and what goes wrong in it. */
  async function open(path: string, act?: (page: Page) => Promise<void>) {
    const password = { username: 'admin', password: product.owner.key! };
    const context = await browser.newContext({ httpCredentials: { ...password, send: 'unauthorized' } });
    const page = await context.newPage();
    const requests: string[] = [];
    const problems: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (answer) => {
      if (answer.status() >= 400 && answer.status() !== 401)
        problems.push(`${answer.url()}: ${answer.status()}`);
    });
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(origin + path, { waitUntil: 'load' });
    await act?.(page);
    const shot = process.env.PAGE_SHOTS;
    if (shot) await page.screenshot({ path: `${shot}${path.replaceAll(/\W+/g, '-')}.png` });
    return { page, context, requests, problems };
  }
  const foreign = (requests: string[]) =>
    requests.filter((url) => !url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url));

  it.each([
    ['/', /Up and ready/],
    ['/docs', /Register an agent/],
    ['/docs/', /Register an agent/],
    ['/queues', /conversation/i],
    ['/widget/demo', /Which chat/],
  ])('%s is shown whole, from this server alone', slow, async (path, shown) => {
    const { page, context, requests, problems } = await open(path);
    await expect.poll(() => page.locator('body').innerText()).toMatch(shown);
    expect(foreign(requests)).toEqual([]);
    // Over plain http browsers say that they do not heed this header.
    expect(problems.filter((each) => !/Cross-Origin-Opener-Policy|origin-keyed/.test(each))).toEqual([]);
    await context.close();
  });

  it('the widget is, from this server alone', async () => {
    const { context, requests } = await open(`/widget/demo?channel=${chatKey}`);
    expect(requests).toContain(`${origin}/widget.js`);
    expect(foreign(requests)).toEqual([]);
    await context.close();
  });

  it('/docs calls the server with the key that was typed, and keeps it nowhere', slow, async () => {
    const { page, context, requests } = await open('/docs/', async (page) => {
      // As a browser has it that has used an older version.
      await page.evaluate(`localStorage.setItem('authorized', '{"key":{"value":"ns_old"}}')`);
      await page.reload({ waitUntil: 'load' });
      await page.getByRole('button', { name: 'Authorize' }).first().click();
      await page.getByRole('textbox').first().fill(product.owner.key!);
      await page.locator('.modal-ux button.authorize').first().click();
      await page.locator('.modal-ux button.btn-done').first().click();
    });
    const operation = page.locator('#operations-team-get_v1_me');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await expect
      .poll(() => operation.locator('.live-responses-table').innerText())
      .toContain('"role": "owner"');
    expect(requests).toContain(`${origin}/v1/me`);

    const kept = () =>
      page.evaluate<string>(`indexedDB.databases().then((databases) =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, databases]))`);
    expect(await kept()).not.toMatch(/ns_/);
    await page.reload({ waitUntil: 'load' });
    expect(await kept()).not.toMatch(/ns_/);
    expect(await page.content()).not.toContain(product.owner.key!);
    await context.close();
  });
});
