-- Whatever ends somebody's access is signalled to every process in the transaction that does it, whoever writes the row:
-- streams that were opened with it end at once. Only these columns do; counters and leases are written all the time.
CREATE FUNCTION notify_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nightshift_api_key', coalesce(NEW.id, OLD.id)::text);
  RETURN NULL;
END $$;
-- Also a new one: the processes keep in mind which keys there are.
CREATE TRIGGER api_key_notify AFTER INSERT OR DELETE OR UPDATE OF hash, role, revoked_at ON api_key
  FOR EACH ROW EXECUTE FUNCTION notify_api_key();

CREATE FUNCTION notify_channel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nightshift_channel', coalesce(NEW.id, OLD.id)::text);
  RETURN NULL;
END $$;
CREATE TRIGGER channel_notify AFTER INSERT OR DELETE OR UPDATE OF hook_key, credentials, settings, status, deleted_at ON channel
  FOR EACH ROW EXECUTE FUNCTION notify_channel();

-- The platform's id may be of any length, a signal's payload may not.
CREATE FUNCTION notify_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nightshift_identity', NEW.channel_id || '/' || md5(NEW.external_id));
  RETURN NULL;
END $$;
CREATE TRIGGER identity_notify AFTER UPDATE OF status ON identity
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION notify_identity();
