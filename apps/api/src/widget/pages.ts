/** What browsers load: the widget's script, and a page to try it on. Neither holds data of any team. */
import type { FastifyPluginAsync } from 'fastify';
import { createStaticDocument, type StaticDocument, sendStatic } from '../static-document.ts';
import { readWidgetScript } from './script.ts';

/** A key of ours has no character that means something in HTML; what is no key is not written into the page. */
const keyPattern = /^[\w-]{20,64}$/;

const demoPage = (key: string | undefined) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Web chat demo</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/widget/demo.css">
</head>
<body>
<main>
<h1>Your page</h1>
${
  key === undefined
    ? '<p>Which chat? Open this page as <code>/widget/demo?channel=…</code>, with the <code>data-channel</code> of the snippet.</p>'
    : `<p>The chat is in the corner. Nothing else is here.</p>\n<script src="/widget.js" data-channel="${key}" async></script>`
}
</main>
</body>
</html>
`;

const demoStyle = `:root { color-scheme: light dark }
body { margin: 0; font: 17px/1.6 system-ui, sans-serif }
main { max-width: 40rem; margin: 0 auto; padding: 18vh 1.5rem }
h1 { font-size: 2.25rem; letter-spacing: -.02em; margin: 0 0 .5rem }
p { margin: 0 0 1rem; opacity: .75 }
`;

// The strictest policy that the widget needs, so that the page also shows that it is enough.
const demoPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export const pageRoutes: FastifyPluginAsync = async (app) => {
  let script: StaticDocument | undefined;
  const style = createStaticDocument('text/css; charset=utf-8', demoStyle);
  const config = { public: true };
  const schema = { hide: true };

  app.get('/widget.js', { config, schema }, async (request, reply) => {
    script ??= readWidgetScript();
    // Helmet keeps what we serve to ourselves; this is for other people's pages.
    reply.header('cross-origin-resource-policy', 'cross-origin').header('access-control-allow-origin', '*');
    return sendStatic(request, reply, script, 'public, max-age=300, stale-while-revalidate=86400');
  });

  app.get('/widget/demo', { config, schema }, (request, reply) => {
    const { channel } = request.query as { channel?: unknown };
    return reply
      .header('content-security-policy', demoPolicy)
      .type('text/html; charset=utf-8')
      .send(demoPage(typeof channel === 'string' && keyPattern.test(channel) ? channel : undefined));
  });
  app.get('/widget/demo.css', { config, schema }, (request, reply) =>
    sendStatic(request, reply, style, 'public, max-age=300'),
  );
};
