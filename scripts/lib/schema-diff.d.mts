export const SCHEMA: string;
export const MIGRATIONS: string;
export function diffSchema(url: string, schema?: string): Promise<string>;
