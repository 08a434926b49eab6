/** The model server as a process, for benchmarks: `node test/support/model-server/main.ts [port]`. Echoes. */
import { startModelServer } from './server.ts';

const server = await startModelServer({ port: Number(process.argv[2] ?? 0), record: false });
process.stdout.write(`${server.url}\n`);
