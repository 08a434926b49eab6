-- What was said in a thread, over all conversations that were held in it, and by the server itself.
CREATE INDEX "conversation_thread_idx" ON "conversation"("channel_id", "thread_key") WHERE "channel_id" IS NOT NULL;
CREATE INDEX "delivery_notice_idx" ON "delivery"("lane", "created_at") WHERE "text" IS NOT NULL;
