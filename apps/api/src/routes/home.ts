/** `/`: what a browser finds before there is a console. It holds no data of any team. */
import { checkReadiness } from '../readiness.ts';
import { version } from '../version.ts';
import type { Routes } from './types.ts';

const style = `
  :root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6478; --line: #d9deea; --paper: #fbfcfe; --card: #fff;
    --good: #1a7f4b; --bad: #b42318; --accent: #3b4cca; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebf4; --soft: #9aa4ba; --line: #2b3346; --paper: #10141d;
    --card: #171c28; --good: #5bd699; --bad: #ff8f85; --accent: #9aa8ff; } }
  * { box-sizing: border-box }
  body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, sans-serif }
  main { max-width: 44rem; margin: 0 auto; padding: 4rem 1.25rem }
  h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .25rem; letter-spacing: -.02em }
  h2 { font-size: 1rem; margin: 2.25rem 0 .5rem }
  p { margin: .25rem 0 }
  .soft { color: var(--soft) }
  .state { display: inline-flex; gap: .5rem; align-items: center; font-weight: 600; color: var(--good); margin-top: 1rem }
  .state::before { content: ""; width: .65rem; height: .65rem; border-radius: 50%; background: currentColor }
  .state.bad { color: var(--bad) }
  pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .85rem 1rem; overflow-x: auto;
    font: 13px/1.6 ui-monospace, monospace; margin: .5rem 0 }
  a { color: var(--accent) }
  ul { padding-left: 1.1rem; margin: .25rem 0 }`;

function page(input: { ready: boolean; problems: string[]; url: string }): string {
  const state = input.ready
    ? '<p class="state">Up and ready</p>'
    : `<p class="state bad">Not ready: ${input.problems.join(', ')}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Nightshift</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>Nightshift</h1>
<p class="soft">Always-on agents that a team hosts itself. Version ${version}.</p>
${state}
<h2>Talk to the agent that is here</h2>
<pre>npm run nightshift -- chat</pre>
<h2>Over REST</h2>
<p class="soft">The first key is in <code>data/admin-key</code> on the server, unless the operator set another.</p>
<pre>curl "${input.url}/v1/agents/assistant/messages?wait=30" \\
  -H "Authorization: Bearer $(cat data/admin-key)" \\
  -H "Content-Type: application/json" -d '{"text": "What can you do?"}'</pre>
<h2>With any OpenAI client</h2>
<pre>base URL  ${input.url}/openai/v1
model     assistant
key       the same</pre>
<h2>More</h2>
<ul>
<li><a href="/docs">Every call, to try out</a> (<a href="/openapi.json">OpenAPI</a>)</li>
<li><a href="/queues">Queues</a>, for admins: any name, the key as the password</li>
<li><a href="/readyz">Readiness</a></li>
</ul>
</main>
</body>
</html>
`;
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const homeRoutes: Routes = async (app, { deps }) => {
  app.get('/', { config: { public: true }, schema: { hide: true } }, async (_request, reply) => {
    const checks = await checkReadiness(deps);
    const problems = checks.flatMap(({ name, problem }) => (problem ? [`${name} ${problem}`] : []));
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(page({ ready: problems.length === 0, problems, url: escapeHtml(deps.publicUrl) }));
  });
};
