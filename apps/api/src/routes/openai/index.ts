/**
 * The OpenAI-compatible API. An agent is a model, by its name or id; the agent's own tools run on the server. docs/openai.md
 *
 * Each request is a conversation of its own, as the protocol has it: the client sends what went before.
 */
import type { Routes } from '../types.ts';
import { chatCompletionRoutes } from './chat-completions.ts';
import { modelRoutes } from './models.ts';
import { responseRoutes } from './responses.ts';

export const openaiRoutes: Routes = async (app, options) => {
  for (const routes of [modelRoutes, chatCompletionRoutes, responseRoutes])
    await app.register(routes, options);
};
