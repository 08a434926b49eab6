-- Where the installation itself got a key: one that takes its place ends it.
CREATE TYPE "key_origin" AS ENUM ('environment', 'file');

ALTER TABLE "api_key" ADD COLUMN "origin" "key_origin";

-- The last four characters of what a person may have chosen: earlier versions kept them of every secret.
UPDATE "channel" SET "last4" = (
  SELECT jsonb_object_agg(name, CASE
    WHEN (kind, name) IN (
      ('email', 'password'), ('irc', 'password'), ('irc', 'serverPassword'), ('xmpp', 'password'),
      ('telegram', 'webhookSecret'), ('web', 'secret'), ('whatsapp', 'verifyToken'), ('teams', 'appId')
    ) THEN 'null'::jsonb ELSE value END)
  FROM jsonb_each("last4") AS each (name, value)
)
WHERE "last4" <> '{}' AND kind IN ('email', 'irc', 'xmpp', 'telegram', 'web', 'whatsapp', 'teams');

UPDATE "provider_credential" SET "last4" = NULL
WHERE "last4" IS NOT NULL AND ("base_url" IS NOT NULL OR provider IN (
  'ollama', 'lmstudio', 'vllm', 'llamacpp', 'openai-compatible', 'anthropic-compatible'
));
