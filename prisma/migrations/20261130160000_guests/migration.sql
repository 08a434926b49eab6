-- AlterTable
ALTER TABLE "channel" ADD COLUMN     "guest_tools" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- AlterTable
ALTER TABLE "conversation" ADD COLUMN     "guest_id" UUID;

-- AlterTable
ALTER TABLE "schedule" ADD COLUMN     "guest_id" UUID;

-- CreateTable
CREATE TABLE "guest_note" (
    "agent_id" UUID NOT NULL,
    "guest_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "guest_note_pkey" PRIMARY KEY ("agent_id","guest_id","name")
);

-- CreateIndex
CREATE INDEX "guest_note_agent_id_updated_at_idx" ON "guest_note"("agent_id", "updated_at");

-- AddForeignKey
ALTER TABLE "guest_note" ADD CONSTRAINT "guest_note_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agent"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A chat's guest is told by its next message. A schedule speaks without one: chats that an agent has made schedules for
-- belong to guests where everybody is answered.
UPDATE "conversation" c SET "guest_id" = f."guest_id"
FROM (
  SELECT c."id", CASE WHEN c."direct" AND NOT EXISTS (
    SELECT FROM "identity" i WHERE i."channel_id" = h."id" AND i."person_id" = m."person_id" AND NOT i."vouched"
  ) THEN m."person_id" ELSE c."id" END AS "guest_id"
  FROM "conversation" c JOIN "channel" h ON h."id" = c."channel_id", LATERAL (
    SELECT m."person_id" FROM "message" m
    WHERE m."conversation_id" = c."id" AND m."person_id" IS NOT NULL ORDER BY m."seq" DESC LIMIT 1
  ) m
  WHERE (h."access"->>'strangers' = 'answer' OR (NOT c."direct" AND h."access"->'groups'->'open' <> '[]'))
    AND c."id" IN (SELECT s."conversation_id" FROM "schedule" s WHERE s."made_by_agent")
    AND (NOT c."direct" OR NOT EXISTS (
      SELECT FROM "identity" i WHERE i."channel_id" = h."id" AND i."person_id" = m."person_id" AND i."status" = 'approved'
    ))
) f
WHERE c."id" = f."id";

UPDATE "schedule" s SET "guest_id" = c."guest_id"
FROM "conversation" c WHERE c."id" = s."conversation_id" AND s."made_by_agent" AND c."guest_id" IS NOT NULL;
