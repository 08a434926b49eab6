/**
 * The model server as a process, for benchmarks: `node test/support/model-server/main.ts [port [thinkMs]]`. Echoes, at
 * once or after so many milliseconds.
 */
import { startModelServer } from './server.ts';

const [port = '0', thinkMs = '0'] = process.argv.slice(2);
const server = await startModelServer({ port: Number(port), record: false });
const firstTokenMs = Number(thinkMs);
if (firstTokenMs > 0) server.script(({ userText }) => ({ text: userText, firstTokenMs }));
process.stdout.write(`${server.url}\n`);
