-- CreateEnum
CREATE TYPE "budget_scope" AS ENUM ('team', 'member', 'agent', 'channel', 'schedule');

-- CreateEnum
CREATE TYPE "budget_window" AS ENUM ('5h', 'day', 'week', 'month');

-- CreateEnum
CREATE TYPE "budget_unit" AS ENUM ('usd', 'tokens', 'runs');

-- CreateEnum
CREATE TYPE "budget_action" AS ENUM ('stop', 'queue', 'downgrade');

-- DropForeignKey
ALTER TABLE "usage_entry" DROP CONSTRAINT "usage_entry_run_id_fkey";

-- AlterTable
ALTER TABLE "agent" ALTER COLUMN "model" TYPE JSONB USING to_jsonb("model");

-- AlterTable
ALTER TABLE "provider_credential" ADD COLUMN     "parameters" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "prices" JSONB,
ADD COLUMN     "weight" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "schedule_id" UUID,
ADD COLUMN     "waiting" JSONB;

-- AlterTable
ALTER TABLE "usage_entry" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "cache_write_tokens" INTEGER,
ADD COLUMN     "cached_tokens" INTEGER,
ADD COLUMN     "channel_id" UUID,
ADD COLUMN     "conversation_id" UUID,
ADD COLUMN     "input_tokens" INTEGER,
ADD COLUMN     "output_tokens" INTEGER,
ADD COLUMN     "person_id" UUID,
ADD COLUMN     "reasoning_tokens" INTEGER,
ADD COLUMN     "runs" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "schedule_id" UUID,
ADD COLUMN     "started_at" TIMESTAMPTZ(3),
ADD COLUMN     "task" TEXT NOT NULL DEFAULT 'turn',
ADD COLUMN     "wire" TEXT,
ALTER COLUMN "agent_id" DROP NOT NULL,
ALTER COLUMN "run_id" DROP NOT NULL,
ALTER COLUMN "step_index" DROP NOT NULL;

-- What was in the ledger before.
UPDATE "usage_entry" u SET
  "input_tokens" = ("usage"->>'input')::int, "cached_tokens" = ("usage"->>'cachedInput')::int,
  "cache_write_tokens" = ("usage"->>'cacheWrite')::int, "output_tokens" = ("usage"->>'output')::int,
  "reasoning_tokens" = ("usage"->>'reasoning')::int, "started_at" = u."created_at",
  "wire" = CASE WHEN u."provider" IN ('anthropic', 'anthropic-compatible') THEN 'anthropic-messages'
                WHEN u."provider" = 'demo' THEN 'demo' ELSE 'openai-chat' END,
  "conversation_id" = r."conversation_id",
  "runs" = CASE WHEN u."id" = (SELECT min(f."id"::text)::uuid FROM "usage_entry" f WHERE f."run_id" = u."run_id") THEN 1 ELSE 0 END
FROM "run" r WHERE r."id" = u."run_id";

ALTER TABLE "usage_entry" DROP COLUMN "usage",
ALTER COLUMN "started_at" SET NOT NULL,
ALTER COLUMN "wire" SET NOT NULL;

-- CreateTable
CREATE TABLE "provider_health" (
    "id" TEXT NOT NULL,
    "team_id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "credential_id" UUID,
    "open_until" TIMESTAMPTZ(3),
    "probe_until" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "error_kind" TEXT,
    "error" TEXT,
    "failed_at" TIMESTAMPTZ(3),
    "succeeded_at" TIMESTAMPTZ(3),
    "first_token_ms" INTEGER,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_health_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "scope" "budget_scope" NOT NULL,
    "scope_id" UUID,
    "window" "budget_window" NOT NULL,
    "rolling" BOOLEAN NOT NULL,
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "unit" "budget_unit" NOT NULL,
    "max" DECIMAL(20,10) NOT NULL,
    "action" "budget_action" NOT NULL DEFAULT 'stop',
    "downgrade_to" TEXT,
    "allow_unpriced" BOOLEAN NOT NULL DEFAULT false,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "budget_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_slot" (
    "budget_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "used" DECIMAL(20,10) NOT NULL DEFAULT 0,
    "unpriced" INTEGER NOT NULL DEFAULT 0,
    "warned_at" TIMESTAMPTZ(3),

    CONSTRAINT "budget_slot_pkey" PRIMARY KEY ("budget_id","account_id","starts_at")
);

-- CreateTable
CREATE TABLE "budget_reservation" (
    "id" UUID NOT NULL,
    "budget_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "step_index" INTEGER NOT NULL,
    "amount" DECIMAL(20,10) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "budget_reservation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "provider_health_team_id_idx" ON "provider_health"("team_id");

-- CreateIndex
CREATE INDEX "budget_team_id_id_idx" ON "budget"("team_id", "id");

-- CreateIndex
CREATE INDEX "budget_reservation_budget_id_account_id_idx" ON "budget_reservation"("budget_id", "account_id");

-- CreateIndex
CREATE INDEX "budget_reservation_run_id_step_index_idx" ON "budget_reservation"("run_id", "step_index");

-- AddForeignKey
ALTER TABLE "provider_health" ADD CONSTRAINT "provider_health_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "usage_entry" ADD CONSTRAINT "usage_entry_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget" ADD CONSTRAINT "budget_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget_slot" ADD CONSTRAINT "budget_slot_budget_id_fkey" FOREIGN KEY ("budget_id") REFERENCES "budget"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget_reservation" ADD CONSTRAINT "budget_reservation_budget_id_fkey" FOREIGN KEY ("budget_id") REFERENCES "budget"("id") ON DELETE CASCADE ON UPDATE CASCADE;
