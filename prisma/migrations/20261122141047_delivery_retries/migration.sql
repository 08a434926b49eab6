-- AlterTable
ALTER TABLE "delivery" DROP COLUMN "receipt",
ADD COLUMN     "receipts" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "retried_at" TIMESTAMPTZ(3);
