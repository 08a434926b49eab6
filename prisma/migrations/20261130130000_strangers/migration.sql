-- AlterTable
ALTER TABLE "channel" ADD COLUMN     "own_ids" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "suspects" JSONB;

-- AlterTable
ALTER TABLE "delivery" ADD COLUMN     "sealed" JSONB,
ADD COLUMN     "sealed_until" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "identity" ADD COLUMN     "code_delivery_id" UUID,
ADD COLUMN     "held" JSONB,
ADD COLUMN     "place" TEXT,
ADD COLUMN     "vouched" BOOLEAN NOT NULL DEFAULT true,
ALTER COLUMN "person_id" DROP NOT NULL;

-- Those who wait for approval, of one channel: few, since they are bounded.
CREATE INDEX "identity_waiting_idx" ON "identity" ("channel_id")
  WHERE "status" = 'pending' AND ("person_id" IS NULL OR "code_expires_at" IS NOT NULL);

CREATE INDEX "channel_own_ids_idx" ON "channel" USING gin ("own_ids") WHERE "deleted_at" IS NULL;
