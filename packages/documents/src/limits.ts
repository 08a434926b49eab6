/** What reading one document may take. */
export interface DocumentLimits {
  /** Processor time, in milliseconds: on a busy machine an innocent document does not fail for the others' sake. */
  readonly cpuMs: number;
  /** Time by the clock, in milliseconds, whatever the reader does meanwhile. */
  readonly wallMs: number;
  /** Resident memory of the reader's process, in bytes. */
  readonly memoryBytes: number;
  /** The longest answer, in bytes. */
  readonly answerBytes: number;
}

const mebibyte = 1024 * 1024;

/** A mail with a file of 20 MiB, the largest that is taken, needs about a second and 360 MB. */
export const defaultLimits: DocumentLimits = {
  cpuMs: 10_000,
  wallMs: 40_000,
  memoryBytes: 512 * mebibyte,
  answerBytes: 32 * mebibyte,
};
