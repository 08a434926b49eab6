-- CreateEnum
CREATE TYPE "queue_mode" AS ENUM ('steer', 'followup', 'interrupt');

-- CreateEnum
CREATE TYPE "delivery_status" AS ENUM ('pending', 'sending', 'sent', 'unknown', 'dead');

-- CreateEnum
CREATE TYPE "schedule_status" AS ENUM ('active', 'paused', 'finished');

-- CreateEnum
CREATE TYPE "misfire" AS ENUM ('skip', 'once', 'all');

-- CreateEnum
CREATE TYPE "overlap" AS ENUM ('skip', 'queue');

-- CreateEnum
CREATE TYPE "fire_status" AS ENUM ('due', 'fired', 'skipped');

-- AlterEnum
ALTER TYPE "run_trigger" ADD VALUE 'schedule';

-- AlterTable
ALTER TABLE "agent" ADD COLUMN     "debounce_ms" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "queue_mode" "queue_mode" NOT NULL DEFAULT 'steer';

-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "channel_id" UUID,
ADD COLUMN     "steerable_run_id" UUID,
ADD COLUMN     "steered_seq" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "thread" JSONB,
ADD COLUMN     "thread_key" TEXT;

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- CreateTable
CREATE TABLE "channel" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "credentials" JSONB,
    "settings" JSONB NOT NULL,
    "paused_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "channel_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "events" TEXT[],
    "secret" JSONB NOT NULL,
    "paused_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "delivery" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "team_id" UUID NOT NULL,
    "lane" TEXT NOT NULL,
    "position" BIGSERIAL NOT NULL,
    "channel_id" UUID,
    "webhook_id" UUID,
    "conversation_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "message_id" UUID,
    "event" TEXT NOT NULL,
    "status" "delivery_status" NOT NULL DEFAULT 'pending',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "parts_sent" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_until" TIMESTAMPTZ(3),
    "error" JSONB,
    "receipt" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schedule" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prompt" TEXT NOT NULL,
    "cron" TEXT,
    "every_seconds" INTEGER,
    "at" TIMESTAMPTZ(3),
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "misfire" "misfire" NOT NULL DEFAULT 'once',
    "overlap" "overlap" NOT NULL DEFAULT 'skip',
    "jitter_seconds" INTEGER NOT NULL DEFAULT 0,
    "deliver_to" JSONB,
    "conversation_id" UUID,
    "status" "schedule_status" NOT NULL DEFAULT 'active',
    "paused_reason" TEXT,
    "made_by_agent" BOOLEAN NOT NULL DEFAULT false,
    "next_at" TIMESTAMPTZ(3),
    "due_at" TIMESTAMPTZ(3),
    "resumed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "schedule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schedule_fire" (
    "id" UUID NOT NULL DEFAULT uuidv7(),
    "schedule_id" UUID NOT NULL,
    "fire_at" TIMESTAMPTZ(3) NOT NULL,
    "status" "fire_status" NOT NULL,
    "reason" TEXT,
    "slots" INTEGER NOT NULL DEFAULT 1,
    "manual" BOOLEAN NOT NULL DEFAULT false,
    "run_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "schedule_fire_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "channel_team_id_id_idx" ON "channel"("team_id", "id");

-- CreateIndex
CREATE INDEX "webhook_team_id_id_idx" ON "webhook"("team_id", "id");

-- CreateIndex
CREATE INDEX "delivery_team_id_id_idx" ON "delivery"("team_id", "id");

-- CreateIndex
CREATE INDEX "delivery_run_id_idx" ON "delivery"("run_id");

-- CreateIndex
CREATE INDEX "schedule_team_id_id_idx" ON "schedule"("team_id", "id");

-- CreateIndex
CREATE INDEX "schedule_agent_id_idx" ON "schedule"("agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "schedule_fire_schedule_id_fire_at_key" ON "schedule_fire"("schedule_id", "fire_at");

-- CreateIndex
CREATE UNIQUE INDEX "conversation_channel_id_thread_key_key" ON "conversation"("channel_id", "thread_key");

-- AddForeignKey
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channel"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "channel" ADD CONSTRAINT "channel_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery" ADD CONSTRAINT "delivery_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery" ADD CONSTRAINT "delivery_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channel"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "delivery" ADD CONSTRAINT "delivery_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "webhook"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule" ADD CONSTRAINT "schedule_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule" ADD CONSTRAINT "schedule_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agent"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule_fire" ADD CONSTRAINT "schedule_fire_schedule_id_fkey" FOREIGN KEY ("schedule_id") REFERENCES "schedule"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's schema language cannot say.

-- The head of a delivery lane, and what is due over all lanes.
CREATE INDEX "delivery_lane_idx" ON "delivery"("lane", "position") WHERE "status" IN ('pending', 'sending');
CREATE INDEX "delivery_due_idx" ON "delivery"("due_at") WHERE "status" IN ('pending', 'sending');

-- What the poller and the sweeper look for.
CREATE INDEX "schedule_due_idx" ON "schedule"("due_at") WHERE "status" = 'active' AND "deleted_at" IS NULL;
CREATE INDEX "schedule_fire_due_idx" ON "schedule_fire"("created_at") WHERE "status" = 'due';

-- How much an agent and a team have open: their place in the queue (inbox/accept.ts).
CREATE INDEX "run_backlog_idx" ON "run"("team_id", "agent_id") WHERE "status" IN ('queued', 'running');

-- Only what people say is collected; each fire of a schedule has a run of its own.
DROP INDEX "run_collecting_key";
CREATE UNIQUE INDEX "run_collecting_key" ON "run"("conversation_id") WHERE "status" = 'queued' AND "attempt" = 1 AND "trigger" = 'api';
