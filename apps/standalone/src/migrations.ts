// biome-ignore lint/style/noRestrictedImports: by path, since the package's index loads Prisma and BullMQ as well, half a second that the start cannot spare.
export { applyMigrations, MigrationError } from '../../../packages/core/src/database/migrate.ts';
