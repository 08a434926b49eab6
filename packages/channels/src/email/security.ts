/** How connections to the mail servers are encrypted. */
import { isIP } from 'node:net';
import { isLoopback } from '../sockets.ts';
import type { Settings } from './connection.ts';

export type Encryption = 'tls' | 'starttls' | 'optional' | 'none';

const implicitPorts: readonly number[] = [993, 465];

/** `optional`, which is STARTTLS where the server has it, is for loopback alone: elsewhere somebody on the way could take it away. */
export function encryptionFor(hostname: string, port: number, { encryption }: Settings): Encryption {
  if (encryption !== 'auto') return encryption;
  if (implicitPorts.includes(port)) return 'tls';
  return isLoopback(hostname) ? 'optional' : 'starttls';
}

/** A certificate is for a name; that of a server which is named by its address is for the address. */
export const certifiedName = (hostname: string): { servername?: string } =>
  isIP(hostname) ? {} : { servername: hostname };
