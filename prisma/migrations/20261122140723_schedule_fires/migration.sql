-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "idempotency_key" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "schedule_idempotency_key_key" ON "schedule"("idempotency_key");

-- CreateIndex
CREATE INDEX "schedule_fire_schedule_id_id_idx" ON "schedule_fire"("schedule_id", "id");

-- CreateIndex
CREATE INDEX "schedule_fire_run_id_idx" ON "schedule_fire"("run_id");

-- What Prisma's schema language cannot say.

-- The fires before: whether the last one's run still goes, and how the last ones ended.
CREATE INDEX "schedule_fire_taken_idx" ON "schedule_fire"("schedule_id", "fire_at") WHERE "status" <> 'skipped';

-- Scheduled runs that failed lately: their schedules may have to pause.
CREATE INDEX "run_failed_schedule_idx" ON "run"("ended_at") WHERE "trigger" = 'schedule' AND "status" = 'failed';
