import { isFinal, type Run, type RunStatus } from '@nightshift/contracts';
