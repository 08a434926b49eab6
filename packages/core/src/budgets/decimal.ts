/** A decimal string without zeros that say nothing: `0025.500` is `25.5`. */
import { trimEndOf } from '@nightshift/contracts/text';
export function decimal(text: string): string {
  const [whole = '', fraction = ''] = text.split('.');
  const digits = trimEndOf(fraction, '0');
  return `${whole.replace(/^0+(?=\d)/, '')}${digits && `.${digits}`}`;
}
