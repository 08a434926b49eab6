-- AlterEnum
ALTER TYPE "delivery_status" ADD VALUE 'failed';

-- AlterTable
ALTER TABLE "inbound_event" ADD COLUMN     "album" TEXT,
ADD COLUMN     "detail" JSONB;

-- CreateTable
CREATE UNLOGGED TABLE "send_rate" (
    "key" TEXT NOT NULL,
    "full_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "send_rate_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE UNLOGGED TABLE "worker_presence" (
    "id" TEXT NOT NULL,
    "kinds" TEXT[],
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "worker_presence_pkey" PRIMARY KEY ("id")
);

-- By hand from here on: the two tables above are unlogged, and Prisma has no partial indexes.

-- The rest of an album looks for its first piece.
CREATE INDEX "inbound_event_album_idx" ON "inbound_event"("channel_id", "album") WHERE "album" IS NOT NULL;

-- A platform reports by its own id that something did not arrive.
CREATE INDEX "delivery_receipts_idx" ON "delivery" USING gin ("receipts" jsonb_path_ops) WHERE "channel_id" IS NOT NULL;

-- Pairing codes that run out.
CREATE INDEX "identity_code_idx" ON "identity"("code_expires_at") WHERE "code_expires_at" IS NOT NULL;
