/** Shell as the documents show it, read far enough to tell which programs it runs, with which words. */

export interface ShellCommand {
  /** `NAME=value` before the program. */
  assignments: string[];
  /** The program and its arguments, without quotes. */
  words: string[];
  /** What it is given on stdin by `<<EOF`. */
  stdin: string | undefined;
}

/** The commands of a block, also those within `$( )`, in no particular order. */
export function readShell(block: string): ShellCommand[] {
  const commands: ShellCommand[] = [];
  const lines = block.replaceAll(/\\\n\s*/g, ' ').split('\n');
  for (let at = 0; at < lines.length; at++) {
    const heredoc = /<<'?(\w+)'?/.exec(lines[at]!);
    let stdin: string | undefined;
    let line = lines[at]!;
    // A quoted word may go on over several lines.
    while (!heredoc && isOpen(line) && at + 1 < lines.length) line += `\n${lines[++at]}`;
    if (heredoc) {
      const end = lines.findIndex((other, index) => index > at && other.trim() === heredoc[1]);
      stdin = lines.slice(at + 1, end).join('\n');
      line = line.replace(heredoc[0], '');
      at = end;
    }
    commands.push(...readLine(line, stdin));
  }
  return commands;
}

/** Whether a quote is not closed. */
const isOpen = (line: string) => /["']/.test(line.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'|(?<=\s)#.*$/g, ''));

function readLine(line: string, stdin: string | undefined): ShellCommand[] {
  const inner: ShellCommand[] = [];
  // From the inside out, so that one within another is seen as well.
  let outer = line;
  for (let found = /\$\(([^()]*)\)/.exec(outer); found; found = /\$\(([^()]*)\)/.exec(outer)) {
    inner.push(...readLine(found[1]!, undefined));
    outer = outer.replace(found[0], '$SUBSTITUTED');
  }
  return [...inner, ...splitCommands(outer).map((words) => toCommand(words, stdin))];
}

/** Words of each command of a line: quotes are taken away, a comment ends it. */
function splitCommands(line: string): string[][] {
  const token =
    /\s+|#.*$|&&|\|\||[|;&]|[<>]+\s*\S+|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'|;&<>]|<[\w ,[\]-]+>)+)/y;
  const commands: string[][] = [[]];
  for (let at = 0; at < line.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(line);
    if (!found) throw new Error(`Shell that cannot be read: ${line.slice(at)}`);
    if (found[1] !== undefined) commands.at(-1)!.push(unquote(found[1]));
    else if (/^(&&|\|\||[|;&])$/.test(found[0])) commands.push([]);
  }
  return commands.filter((words) => words.length > 0);
}

const unquote = (word: string) =>
  word.replaceAll(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
    (_, double, single) => double?.replaceAll(/\\(.)/g, '$1') ?? single,
  );

function toCommand(words: string[], stdin: string | undefined): ShellCommand {
  const first = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  const begin = first === -1 ? words.length : first;
  return { assignments: words.slice(0, begin), words: words.slice(begin), stdin };
}
