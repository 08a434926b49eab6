-- Where a conversation is held, for people: {kind, name}.
ALTER TABLE "conversation" ADD COLUMN "place" JSONB;

-- What a message came with besides its content: who said it, whom it quotes, who else was addressed.
ALTER TABLE "message" ADD COLUMN "context" JSONB;
