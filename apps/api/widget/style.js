/** How the widget looks. A sheet of its own shadow tree: the page's rules do not reach it, nor it the page. */

const css = `
*, ::before, ::after { box-sizing: border-box }
.root { color-scheme: light dark }
.root[data-theme='light'] { color-scheme: light }
.root[data-theme='dark'] { color-scheme: dark }
.root {
  --ink: light-dark(#1a1f2b, #e9ecf3);
  --soft: light-dark(#596175, #a3acc0);
  --line: light-dark(#e4e7ee, #2c3342);
  --paper: light-dark(#ffffff, #151a23);
  --tint: light-dark(#f2f4f8, #212735);
  --bad: light-dark(#b3261e, #ff9c94);
  --shadow: light-dark(rgb(20 28 48 / .18), rgb(0 0 0 / .55));
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
  color: var(--ink); -webkit-text-size-adjust: 100%; text-align: start;
}
[hidden] { display: none !important }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; cursor: pointer }
svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round; display: block }
:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }

.launcher {
  position: fixed; inset-block-end: max(20px, env(safe-area-inset-bottom)); right: 20px; z-index: 2147483000;
  width: 56px; height: 56px; border-radius: 50%; display: grid; place-items: center;
  background: var(--accent); color: var(--on-accent); box-shadow: 0 6px 24px var(--shadow); transition: transform .15s;
}
.left .launcher { right: auto; left: 20px }
.launcher:hover { transform: scale(1.05) }
.launcher svg { width: 26px; height: 26px }
.badge {
  position: absolute; top: -3px; right: -3px; min-width: 21px; height: 21px; padding: 0 5px; border-radius: 11px;
  background: #b3261e; color: #fff; font-size: 12px; font-weight: 600; line-height: 21px; text-align: center;
}

.panel {
  position: fixed; inset-block-end: 90px; right: 20px; z-index: 2147483000; display: flex; flex-direction: column;
  width: 392px; height: min(660px, calc(100dvh - 110px)); background: var(--paper); border: 1px solid var(--line);
  border-radius: 18px; box-shadow: 0 16px 56px var(--shadow); overflow: hidden; animation: rise .18s ease-out;
}
.left .panel { right: auto; left: 20px }
@keyframes rise { from { opacity: 0; transform: translateY(10px) } }

header { display: flex; align-items: center; gap: 10px; min-height: 60px; padding: 8px 8px 8px 20px; border-bottom: 1px solid var(--line) }
header h2 { flex: 1; margin: 0; font-size: 16px; font-weight: 650; letter-spacing: -.01em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.tool { width: 44px; height: 44px; border-radius: 12px; display: grid; place-items: center; color: var(--soft); flex: none }
.tool:hover { background: var(--tint); color: var(--ink) }

.scroll { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 20px 16px 8px; scrollbar-width: thin; scrollbar-color: var(--line) transparent }
.log, .unsent, .draft { display: flex; flex-direction: column; gap: 10px }
.log + .log:not(:empty), .unsent:not(:empty), .draft:not([hidden]) { margin-top: 10px }
.message { max-width: 88%; padding: 9px 14px; border-radius: 16px; overflow-wrap: anywhere }
.agent { align-self: start; background: var(--tint); border-end-start-radius: 5px }
.agent:has(figure, .wide) { max-width: 100%; width: 100% }
.visitor { align-self: end; background: var(--accent); color: var(--on-accent); border-end-end-radius: 5px; white-space: pre-wrap }
.pending { opacity: .75; animation: rise .15s ease-out }
.notice { align-self: center; max-width: 92%; padding: 2px 8px; font-size: 13px; color: var(--soft); text-align: center; overflow-wrap: anywhere }
.problem { align-self: end; font-size: 13px; color: var(--bad) }
.more { align-self: center; min-height: 44px; padding: 0 16px; font-size: 13px; color: var(--soft); border-radius: 12px }
.more:hover { background: var(--tint); color: var(--ink) }

.message > :first-child, .message li > :first-child { margin-top: 0 }
.message > :last-child { margin-bottom: 0 }
p { margin: 0 0 .6em }
h3, h4, h5 { margin: 1em 0 .4em; font-size: 1em; font-weight: 650; line-height: 1.35 }
h3 { font-size: 1.1em }
ul, ol { margin: 0 0 .6em; padding-inline-start: 1.4em }
li { margin: .2em 0 }
li > ul, li > ol { margin: .2em 0 }
blockquote { margin: 0 0 .6em; padding-inline-start: .8em; border-inline-start: 3px solid var(--line); color: var(--soft) }
hr { border: 0; border-top: 1px solid var(--line); margin: .9em 0 }
a { color: inherit; text-decoration: underline; text-underline-offset: 2px }
code, pre { font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
:not(pre) > code { padding: .1em .35em; border-radius: 5px; background: light-dark(rgb(20 28 48 / .07), rgb(255 255 255 / .1)) }
figure { margin: 0 0 .7em; border: 1px solid var(--line); border-radius: 10px; background: var(--paper); overflow: hidden }
figcaption { display: flex; align-items: center; justify-content: space-between; min-height: 32px; padding-inline-start: 12px; font-size: 12px; color: var(--soft); border-bottom: 1px solid var(--line) }
figcaption button { min-height: 32px; padding: 0 12px; border-radius: 8px }
figcaption button:hover { color: var(--ink) }
pre { margin: 0; padding: 10px 12px; overflow-x: auto; overflow-wrap: normal; white-space: pre; tab-size: 4 }
.wide { overflow-x: auto; margin: 0 0 .7em; border: 1px solid var(--line); border-radius: 10px; background: var(--paper) }
table { border-collapse: collapse; font-size: 14px; width: 100% }
th, td { padding: 6px 11px; text-align: start; vertical-align: top; overflow-wrap: normal; border-top: 1px solid var(--line) }
tr:first-child > * { border-top: 0 }
th { font-weight: 600; white-space: nowrap; background: var(--tint) }
.files { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 6px }
.files:first-child { margin-top: 0 }
.file { display: inline-flex; align-items: center; gap: 6px; max-width: 100%; padding: 3px 10px; border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 9px; font-size: 13px; overflow-wrap: anywhere }
.file svg { width: 14px; height: 14px; flex: none }

.dots { display: inline-flex; gap: 5px; align-self: start; padding: 14px 16px; border-radius: 16px; border-end-start-radius: 5px; background: var(--tint) }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--soft); animation: blink 1.2s infinite }
.dots i:nth-child(2) { animation-delay: .18s }
.dots i:nth-child(3) { animation-delay: .36s }
@keyframes blink { 0%, 60%, 100% { opacity: .3 } 30% { opacity: 1 } }

.newest { position: absolute; inset-block-end: 100%; margin-bottom: 10px; left: 50%; translate: -50% 0; width: 44px; height: 44px; border-radius: 50%; display: grid; place-items: center; background: var(--paper); border: 1px solid var(--line); box-shadow: 0 4px 14px var(--shadow) }
footer { position: relative; padding: 8px 12px 12px; padding-bottom: max(12px, env(safe-area-inset-bottom)) }
.state { margin: 0 4px 8px; font-size: 13px; color: var(--soft) }
.state.bad { color: var(--bad) }
form { display: flex; align-items: flex-end; gap: 4px; padding: 4px; border: 1px solid light-dark(#858da0, #6d778d); border-radius: 18px; background: var(--paper) }
form:focus-within { border-color: var(--ink); box-shadow: 0 0 0 1px var(--ink) }
textarea { flex: 1; min-width: 0; min-height: 44px; max-height: 150px; padding: 11px 10px; font: inherit; font-size: 16px; line-height: 22px; color: inherit; background: none; border: 0; resize: none }
textarea:focus-visible { outline: 0 }
textarea::placeholder { color: var(--soft); opacity: 1 }
.send { width: 44px; height: 44px; flex: none; border-radius: 14px; display: grid; place-items: center; background: var(--accent); color: var(--on-accent) }
.send[aria-disabled='true'] { background: var(--tint); color: var(--soft); cursor: default }
.chosen { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 4px 8px }
.chosen button { min-width: 24px; min-height: 24px; display: grid; place-items: center }

@media (max-width: 480px) {
  .panel, .left .panel { inset: 0; width: auto; height: var(--height, 100dvh); border: 0; border-radius: 0 }
  .open .launcher { display: none }
  header { padding-top: max(8px, env(safe-area-inset-top)) }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important }
  .dots i { opacity: .7 }
}
@media (forced-colors: active) { .launcher, .panel, .message, .send { border: 1px solid } }
@media print { .root { display: none } }
`;

/** By a sheet rather than an element: pages whose policy forbids inline styles allow it. @param {ShadowRoot} root */
export function applyStyle(root) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
}

/** Black or white, whichever is easier to read on it: one of the two always has a contrast of 4.5. @param {string} color `#rrggbb` */
export function inkOn(color) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff';
}
