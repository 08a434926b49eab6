-- AlterTable
ALTER TABLE "channel" ADD COLUMN     "last_unreadable" JSONB,
ADD COLUMN     "unreadable" BIGINT NOT NULL DEFAULT 0;
