-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "idempotency_key" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "schedule_idempotency_key_key" ON "schedule"("idempotency_key");

-- CreateIndex
CREATE INDEX "schedule_fire_schedule_id_id_idx" ON "schedule_fire"("schedule_id", "id");

-- CreateIndex
CREATE INDEX "schedule_fire_run_id_idx" ON "schedule_fire"("run_id");
