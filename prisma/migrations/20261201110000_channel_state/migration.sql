-- Raised by every change of what decides who is answered, by whom and with what: whoever works from a copy of the row
-- compares it in the statement that accepts. Counters, leases and cursors do not raise it.
ALTER TABLE "channel" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 0;

-- What was last observed of the channel: {epoch, status, since, connectedAt, error, nextTryAt}, {at, reason}, {at, code, message}.
ALTER TABLE "channel" ADD COLUMN "connection" JSONB,
ADD COLUMN "last_verified_at" TIMESTAMPTZ(3),
ADD COLUMN "last_refused" JSONB,
ADD COLUMN "last_send_error" JSONB;

-- What of a long answer did not go out as messages: {as, parts, percent, end}. Null: all of it did.
ALTER TABLE "delivery" ADD COLUMN "cut" JSONB;

-- In the database, so that it holds for whoever writes the row, workers of an older version included.
CREATE FUNCTION raise_channel_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER channel_version BEFORE UPDATE OF agent_id, access, routes, guest_tools, live, status, deleted_at, settings,
    credentials, account, own_ids, hook_key ON channel
  FOR EACH ROW WHEN ((OLD.agent_id, OLD.access, OLD.routes, OLD.guest_tools, OLD.live, OLD.status, OLD.deleted_at, OLD.settings,
    OLD.credentials, OLD.account, OLD.own_ids, OLD.hook_key) IS DISTINCT FROM (NEW.agent_id, NEW.access, NEW.routes,
    NEW.guest_tools, NEW.live, NEW.status, NEW.deleted_at, NEW.settings, NEW.credentials, NEW.account, NEW.own_ids,
    NEW.hook_key))
  EXECUTE FUNCTION raise_channel_version();

-- The processes keep channels in memory: those that `channel_notify` does not name are signalled as well.
CREATE TRIGGER channel_version_notify AFTER UPDATE OF agent_id, access, routes, guest_tools, live, account, own_ids ON channel
  FOR EACH ROW WHEN (OLD.version IS DISTINCT FROM NEW.version)
  EXECUTE FUNCTION notify_channel();
