-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "amendments" INTEGER NOT NULL DEFAULT 0;

-- A buffer of a day, which a crash may empty: nothing of it is written to the log.
CREATE UNLOGGED TABLE "room_message" (
    "position" BIGSERIAL NOT NULL,
    "channel_id" UUID NOT NULL,
    "bucket" TEXT NOT NULL,
    "opens" TEXT,
    "external_id" TEXT NOT NULL,
    "ref" TEXT,
    "sender" TEXT NOT NULL,
    "name" TEXT,
    "text" TEXT NOT NULL,
    "shown_in" UUID[] DEFAULT ARRAY[]::UUID[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "room_message_pkey" PRIMARY KEY ("position")
);

-- CreateIndex
CREATE UNIQUE INDEX "room_message_channel_id_external_id_key" ON "room_message"("channel_id", "external_id");

-- CreateIndex
CREATE INDEX "room_message_channel_id_bucket_position_idx" ON "room_message"("channel_id", "bucket", "position");

-- CreateIndex
CREATE INDEX "room_message_created_at_idx" ON "room_message"("created_at");

-- The message that a thread hangs on, and what an edit or a deletion names.
CREATE INDEX "room_message_opens_idx" ON "room_message"("channel_id", "opens") WHERE "opens" IS NOT NULL;
CREATE INDEX "room_message_ref_idx" ON "room_message"("channel_id", "ref") WHERE "ref" IS NOT NULL;
