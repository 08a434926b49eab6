-- Data alone, in a transaction of its own: it locks the rows that it changes, and no table.

-- A nick of an XMPP room, a nick of IRC without an account, and a chat that speaks on Telegram are names: anybody can
-- have them, so nobody who was approved under one is trusted any more.
UPDATE identity i SET external_id = 'name:' || i.external_id, vouched = false, code_hash = NULL, code_expires_at = NULL,
  status = CASE WHEN i.status = 'blocked' THEN 'blocked' ELSE 'pending' END::identity_status
FROM channel c
WHERE c.id = i.channel_id AND (
  (c.kind = 'xmpp' AND i.external_id LIKE '%/%')
  OR (c.kind = 'irc' AND i.external_id NOT LIKE 'account:%')
  OR (c.kind = 'telegram' AND i.external_id LIKE '-%'));

-- Those that were said to be a person who has other identities become one of their own again.
WITH linked AS (
  SELECT i.id, i.name, i.external_id, p.team_id, uuidv7() AS person_id
  FROM identity i JOIN person p ON p.id = i.person_id
  WHERE NOT i.vouched AND EXISTS (SELECT FROM identity o WHERE o.person_id = i.person_id AND o.id <> i.id)
), alone AS (
  INSERT INTO person (id, team_id, name)
  SELECT person_id, team_id, coalesce(name, substr(external_id, 6)) FROM linked RETURNING id
)
UPDATE identity i SET person_id = linked.person_id FROM linked JOIN alone ON alone.id = linked.person_id
WHERE i.id = linked.id;

-- Codes from now on are stored under a key. Whoever holds one of the old kind is told another one.
UPDATE identity SET code_hash = NULL, code_expires_at = NULL WHERE code_hash IS NOT NULL;

-- Strangers who only knocked are no people yet.
WITH quiet AS MATERIALIZED (
  SELECT i.id, i.person_id FROM identity i
  WHERE i.status = 'pending'
    AND NOT EXISTS (SELECT FROM identity o WHERE o.person_id = i.person_id AND o.id <> i.id)
    AND NOT EXISTS (SELECT FROM message m WHERE m.person_id = i.person_id)
    AND NOT EXISTS (SELECT FROM run r WHERE r.person_id = i.person_id)
    AND NOT EXISTS (SELECT FROM usage_entry u WHERE u.person_id = i.person_id)
), unlinked AS (
  UPDATE identity i SET person_id = NULL FROM quiet WHERE i.id = quiet.id RETURNING quiet.person_id
)
DELETE FROM person p USING unlinked WHERE p.id = unlinked.person_id;

-- What is known of our own accounts; each test and change of a channel keeps it true.
UPDATE channel SET own_ids = array_remove(ARRAY[account->>'id', lower(settings->>'address'), settings->>'sender'], NULL);
