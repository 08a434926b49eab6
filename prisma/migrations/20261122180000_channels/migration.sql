-- CreateEnum
CREATE TYPE "channel_status" AS ENUM ('active', 'paused', 'attention');

-- CreateEnum
CREATE TYPE "identity_status" AS ENUM ('pending', 'approved', 'blocked');

-- CreateEnum
CREATE TYPE "file_status" AS ENUM ('announced', 'ready', 'failed');

-- AlterEnum
ALTER TYPE "run_trigger" ADD VALUE 'message';

-- AlterTable
ALTER TABLE "channel" ADD COLUMN     "access" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "account" JSONB,
ADD COLUMN     "agent_id" UUID,
ADD COLUMN     "connects" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "cursor" TEXT,
ADD COLUMN     "cursor_key" TEXT,
ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "epoch" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "hook_key" TEXT,
ADD COLUMN     "ignored" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "last4" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "last_inbound_at" TIMESTAMPTZ(3),
ADD COLUMN     "last_outbound_at" TIMESTAMPTZ(3),
ADD COLUMN     "lease_owner" TEXT,
ADD COLUMN     "lease_until" TIMESTAMPTZ(3),
ADD COLUMN     "live" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "problem" JSONB,
ADD COLUMN     "received" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "refused" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "routes" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "sent" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "status" "channel_status" NOT NULL DEFAULT 'active';

UPDATE "channel" SET "hook_key" = replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

ALTER TABLE "channel" ALTER COLUMN "hook_key" SET NOT NULL;

-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "bot_turns" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "direct" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN     "left_at" TIMESTAMPTZ(3);

-- DropIndex
DROP INDEX "conversation_channel_id_thread_key_key";

-- AlterTable
ALTER TABLE "delivery" ADD COLUMN     "text" TEXT,
ADD COLUMN     "thread" JSONB,
ALTER COLUMN "conversation_id" DROP NOT NULL,
ALTER COLUMN "run_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "inbound_event" ADD COLUMN     "channel_id" UUID,
ADD COLUMN     "identity_id" UUID,
ADD COLUMN     "outcome" TEXT NOT NULL DEFAULT 'accepted',
ADD COLUMN     "ref" TEXT,
ADD COLUMN     "type" TEXT NOT NULL DEFAULT 'message',
ALTER COLUMN "conversation_id" DROP NOT NULL,
ALTER COLUMN "message_id" DROP NOT NULL;

-- AlterTable
ALTER TABLE "message" ADD COLUMN     "person_id" UUID;

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "person_id" UUID;

-- CreateTable
CREATE TABLE "person" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "person_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity" (
    "id" UUID NOT NULL,
    "channel_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "external_id" TEXT NOT NULL,
    "name" TEXT,
    "status" "identity_status" NOT NULL DEFAULT 'pending',
    "code_hash" BYTEA,
    "code_expires_at" TIMESTAMPTZ(3),
    "thread" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identity_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "file" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "conversation_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "media_type" TEXT NOT NULL,
    "status" "file_status" NOT NULL DEFAULT 'announced',
    "source" JSONB NOT NULL,
    "bytes" INTEGER,
    "sha256" BYTEA,
    "data" BYTEA,
    "problem" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "file_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "live_reply" (
    "id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "channel_id" UUID NOT NULL,
    "receipt" JSONB,
    "delivery_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "live_reply_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "person_team_id_id_idx" ON "person"("team_id", "id");

-- CreateIndex
CREATE INDEX "identity_person_id_idx" ON "identity"("person_id");

-- CreateIndex
CREATE UNIQUE INDEX "identity_channel_id_external_id_key" ON "identity"("channel_id", "external_id");

-- CreateIndex
CREATE INDEX "file_team_id_id_idx" ON "file"("team_id", "id");

-- CreateIndex
CREATE INDEX "file_conversation_id_idx" ON "file"("conversation_id");

-- CreateIndex
CREATE INDEX "live_reply_run_id_idx" ON "live_reply"("run_id");

-- CreateIndex
CREATE UNIQUE INDEX "channel_hook_key_key" ON "channel"("hook_key");

-- AddForeignKey
ALTER TABLE "channel" ADD CONSTRAINT "channel_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agent"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "person" ADD CONSTRAINT "person_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity" ADD CONSTRAINT "identity_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channel"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity" ADD CONSTRAINT "identity_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "person"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "file" ADD CONSTRAINT "file_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "file" ADD CONSTRAINT "file_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "live_reply" ADD CONSTRAINT "live_reply_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand from here on.

-- A run that collects a burst may come from any door but a schedule.
DROP INDEX "run_collecting_key";
CREATE UNIQUE INDEX "run_collecting_key" ON "run"("conversation_id")
  WHERE "status" = 'queued' AND "attempt" = 1 AND "trigger" <> 'schedule' AND "waiting" IS NULL;

-- A thread has one conversation at a time; those before stay readable.
CREATE UNIQUE INDEX "conversation_thread_key" ON "conversation"("channel_id", "thread_key") WHERE "left_at" IS NULL;

-- What went through a channel lately, and the message that an edit names.
CREATE INDEX "inbound_event_channel_id_idx" ON "inbound_event"("channel_id", "id") WHERE "channel_id" IS NOT NULL;
CREATE INDEX "inbound_event_ref_idx" ON "inbound_event"("channel_id", "ref") WHERE "ref" IS NOT NULL;
CREATE INDEX "delivery_channel_id_idx" ON "delivery"("channel_id", "id") WHERE "channel_id" IS NOT NULL;

-- A run writes one answer at a time.
CREATE UNIQUE INDEX "live_reply_open_key" ON "live_reply"("run_id") WHERE "delivery_id" IS NULL;
