export { startBrowser } from './chromium.ts';
export { type HostPage, startHostPage } from './host-page.ts';
