// Not from the package's database index, which loads Prisma as well: half a second that the start cannot spare.
export { applyMigrations, MigrationError, settleMigration } from '@nightshift/core/migrations';
