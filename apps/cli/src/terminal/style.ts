import { styleText } from 'node:util';

type Paint = (text: string) => string;

export interface Style {
  bold: Paint;
  dim: Paint;
  red: Paint;
  green: Paint;
  yellow: Paint;
  cyan: Paint;
}

/** Paints text with terminal colours, or leaves it alone. */
export function createStyle(colour: boolean): Style {
  const paint =
    (format: keyof Style): Paint =>
    (text) =>
      colour ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  };
}

const statusPaints: Record<string, keyof Style> = {
  succeeded: 'green',
  sent: 'green',
  ok: 'green',
  failed: 'red',
  dead: 'red',
  cancelled: 'dim',
};

/** A run's or step's status in its colour; whatever is still under way is yellow. */
export const paintStatus = (style: Style, status: string, text = status) =>
  style[statusPaints[status] ?? 'yellow'](text);
