export { type Quirk, quirks } from './quirks.ts';
export type { RecordedRequest, Script, ScriptedToolCall, ScriptedUsage, ServerWire, Step } from './script.ts';
export { type ModelServer, type ModelServerOptions, startModelServer } from './server.ts';
