/** Tables as CSV. https://www.rfc-editor.org/rfc/rfc4180 */
import { addAbortSignal, Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

type Cell = string | number | boolean | null | undefined;

/** Whether the answer is to be CSV: by the query, or by what the client accepts. */
export function wantsCsv(request: FastifyRequest, format: 'json' | 'csv' | undefined): boolean {
  if (format !== undefined) return format === 'csv';
  return (request.headers.accept ?? '').split(',').some((type) => type.trim().startsWith('text/csv'));
}

/**
 * One line. A text that a spreadsheet would take for a formula is made one that it takes for text.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(toField).join(',')}\r\n`;
}

function toField(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Answers with lines as they come. A table whose `signal` aborts breaks off: what was sent of it is seen to be a part. */
export function sendCsv(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    name,
    lines,
    signal,
  }: { name: string; lines: AsyncIterable<string> | Iterable<string>; signal: AbortSignal },
): FastifyReply {
  const stream = addAbortSignal(signal, Readable.from(lines, { objectMode: false }));
  stream.on('error', (error) => request.log.warn({ err: error }, 'table broke off'));
  return reply
    .header('content-type', 'text/csv; charset=utf-8; header=present')
    .header('content-disposition', `attachment; filename="${name}.csv"`)
    .send(stream);
}
