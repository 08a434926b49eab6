/** A real browser, without a window, and with a profile of its own that is removed at the end. */
import { type Browser, chromium } from 'playwright-core';
import { findProgram } from '../programs.ts';

/** @param more further arguments of the program */
export const startBrowser = (...more: string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: findProgram('chromium')!,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
