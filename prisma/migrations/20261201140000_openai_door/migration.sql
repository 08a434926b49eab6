-- AlterTable
ALTER TABLE "run" ADD COLUMN     "options" JSONB;

-- CreateTable
CREATE TABLE "openai_request" (
    "team_id" UUID NOT NULL,
    "caller_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "body_hash" BYTEA NOT NULL,
    "run_id" UUID NOT NULL,
    "waiters" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "openai_request_pkey" PRIMARY KEY ("team_id","caller_id","name")
);

-- CreateTable
CREATE TABLE "history_summary" (
    "team_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "hash" BYTEA NOT NULL,
    "text" TEXT NOT NULL,
    "used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "history_summary_pkey" PRIMARY KEY ("agent_id","hash")
);

-- CreateIndex
CREATE INDEX "openai_request_created_at_idx" ON "openai_request"("created_at");

-- CreateIndex
CREATE INDEX "history_summary_agent_id_used_at_idx" ON "history_summary"("agent_id", "used_at");

-- CreateIndex
CREATE INDEX "history_summary_team_id_idx" ON "history_summary"("team_id");

-- AddForeignKey
ALTER TABLE "openai_request" ADD CONSTRAINT "openai_request_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "history_summary" ADD CONSTRAINT "history_summary_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "history_summary" ADD CONSTRAINT "history_summary_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agent"("id") ON DELETE CASCADE ON UPDATE CASCADE;
