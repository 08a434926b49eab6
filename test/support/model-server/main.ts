/**
 * The model server as a process, for benchmarks: `node test/support/model-server/main.ts [port [wordMs]]`. Echoes, at
 * once or with so many milliseconds before each word.
 */
import { startModelServer } from './server.ts';

const [port = '0', wordMs = '0'] = process.argv.slice(2);
const server = await startModelServer({ port: Number(port), record: false });
if (Number(wordMs) > 0) {
  const pace = { firstTokenMs: Number(wordMs), chunkMs: Number(wordMs) };
  server.script(({ userText }) => ({ text: userText.match(/\S+\s*/g) ?? [], ...pace }));
}
process.stdout.write(`${server.url}\n`);
