-- AlterTable
ALTER TABLE "usage_entry" ADD COLUMN     "answered_model" TEXT,
ADD COLUMN     "cost_reported" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "estimated" BOOLEAN NOT NULL DEFAULT false;
