/** The process: arguments in, exit code out. */
import module from 'node:module';

// What is imported from here on loads from the cache after its first time.
module.enableCompileCache();

// Whoever reads our output may have had enough (`nightshift runs list | head`).
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

const { runProgram } = await import('./program.ts');
await runProgram(process.argv.slice(2));
