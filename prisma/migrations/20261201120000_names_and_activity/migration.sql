-- What people call a webhook; unique in its team by the code that writes it.
ALTER TABLE "webhook" ADD COLUMN "name" TEXT;

-- Conversations by when somebody last spoke in them.
CREATE INDEX "conversation_activity_idx" ON "conversation"("team_id", "updated_at" DESC, "id" DESC);

-- Conversations of a channel, for its places and for lists by channel.
CREATE INDEX "conversation_channel_activity_idx" ON "conversation"("channel_id", "updated_at" DESC, "id" DESC)
  WHERE "channel_id" IS NOT NULL;

-- In which conversations a person has spoken.
CREATE INDEX "message_person_idx" ON "message"("person_id", "conversation_id") WHERE "person_id" IS NOT NULL;

-- The place of a channel that a schedule's answers go to; `deliver_to` names the conversation that is held there.
ALTER TABLE "schedule" ADD COLUMN "deliver_place" JSONB;
