import type { TestProject } from 'vitest/node';
import { startTestPostgres, type TestPostgres } from './postgres/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestPostgres;
  }
}

/** Runs once before all test files: one Postgres serves them all. @returns what runs after them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, ...postgres } = await startTestPostgres();
  project.provide('postgres', postgres);
  return stop;
}
