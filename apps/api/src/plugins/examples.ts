/** Bodies that `/docs` fills in: each works as it stands on a server that has what its ids name. A test sends them all. */

/** Stand for records of the reader's own. */
export const exampleIds = {
  agent: '0199a8f0-0000-7000-8000-000000000001',
  identity: '0199a8f0-0000-7000-8000-000000000002',
} as const;

/** `METHOD /path`, with parameters as `{}`. */
const examples: Readonly<Record<string, object>> = {
  'POST /v1/agents': {
    name: 'reviewer',
    instructions: 'You review texts: say briefly what is unclear.',
    model: 'auto',
  },
  'PATCH /v1/agents/{}': { instructions: 'You review texts in one sentence.' },
  'POST /v1/agents/{}/messages': { text: 'What time is it?' },
  'POST /v1/agents/{}/estimate': { text: 'What time is it?' },
  'POST /v1/schedules': {
    agentId: exampleIds.agent,
    name: 'morning',
    prompt: 'Say good morning.',
    cron: '0 8 * * MON-FRI',
    timezone: 'Europe/Berlin',
  },
  'PATCH /v1/schedules/{}': { everySeconds: 3600 },
  'POST /v1/channels': {
    kind: 'webhook',
    name: 'Orders',
    agentId: exampleIds.agent,
    settings: { url: 'https://program.example.com/nightshift' },
  },
  'PATCH /v1/channels/{}': { name: 'Questions', live: true },
  'PATCH /v1/channels/{}/identities/{}': { status: 'approved' },
  'POST /v1/channels/{}/pairings': { code: '7KQ2-M9XD' },
  'PATCH /v1/people/{}': { name: 'Ann' },
  'POST /v1/people/{}/identities': { identityId: exampleIds.identity },
  'POST /v1/webhooks': { url: 'https://ops.example.com/nightshift', events: ['run.finished'] },
  'PUT /v1/webhooks/by-name/{}': { url: 'https://ops.example.com/nightshift', events: ['run.finished'] },
  'PATCH /v1/webhooks/{}': { events: ['run.finished', 'channel.attention'] },
  'POST /v1/provider-credentials': {
    provider: 'openai',
    label: 'spare',
    apiKey: 'sk-0123456789abcdef0123456789',
  },
  'PATCH /v1/provider-credentials/{}': { label: 'second', weight: 0 },
  'POST /v1/provider-credentials/{}/test': {},
  'POST /v1/providers/health/reset': {},
  'POST /v1/budgets': {
    name: 'daily',
    scope: 'agent',
    scopeId: exampleIds.agent,
    window: 'day',
    unit: 'usd',
    max: '5',
  },
  'PATCH /v1/budgets/{}': { max: '10', enabled: false },
  'PATCH /v1/team': { name: 'Ours' },
  'POST /v1/api-keys': { name: 'ci', role: 'member' },
  'POST /openai/v1/responses': { model: 'assistant', input: 'What time is it?' },
  'POST /openai/v1/chat/completions': {
    model: 'assistant',
    messages: [{ role: 'user', content: 'What time is it?' }],
  },
  'POST /v1/widget/{}/sessions': {},
  'POST /v1/widget/{}/messages': { id: '0199a8f0-0000-7000-8000-000000000003', text: 'Hello!' },
};

interface Operation {
  requestBody?: { content?: Record<string, { example?: unknown; schema?: { examples?: unknown[] } }> };
}

/** Gives each body of a document its example, unless its schema brings one. */
export function withExamples<T extends { paths?: object }>(document: T): T {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const content = operation.requestBody?.content?.['application/json'];
      const example = examples[`${method.toUpperCase()} ${path.replaceAll(/\{[^/{}]*\}/g, '{}')}`];
      if (content && example && !content.schema?.examples) content.example = example;
    }
  }
  return document;
}
