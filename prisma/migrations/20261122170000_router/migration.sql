-- CreateEnum
CREATE TYPE "budget_scope" AS ENUM ('team', 'member', 'agent', 'channel', 'schedule');

-- CreateEnum
CREATE TYPE "budget_window" AS ENUM ('5h', 'day', 'week', 'month');

-- CreateEnum
CREATE TYPE "budget_unit" AS ENUM ('usd', 'tokens', 'runs');

-- CreateEnum
CREATE TYPE "budget_action" AS ENUM ('stop', 'queue', 'downgrade');

-- DropForeignKey
ALTER TABLE "usage_entry" DROP CONSTRAINT "usage_entry_run_id_fkey";

-- AlterTable
ALTER TABLE "agent" ALTER COLUMN "model" TYPE JSONB USING to_jsonb("model");

-- AlterTable
ALTER TABLE "provider_credential" ADD COLUMN     "parameters" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "prices" JSONB,
ADD COLUMN     "weight" INTEGER NOT NULL DEFAULT 1;

-- AlterTable
ALTER TABLE "run" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "schedule_id" UUID,
ADD COLUMN     "waiting" JSONB;

-- AlterTable
ALTER TABLE "delivery" ADD COLUMN     "data" JSONB;

-- AlterTable
ALTER TABLE "usage_entry" ADD COLUMN     "api_key_id" UUID,
ADD COLUMN     "cache_write_tokens" INTEGER,
ADD COLUMN     "cached_tokens" INTEGER,
ADD COLUMN     "channel_id" UUID,
ADD COLUMN     "conversation_id" UUID,
ADD COLUMN     "input_tokens" INTEGER,
ADD COLUMN     "output_tokens" INTEGER,
ADD COLUMN     "person_id" UUID,
ADD COLUMN     "reasoning_tokens" INTEGER,
ADD COLUMN     "runs" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "schedule_id" UUID,
ADD COLUMN     "started_at" TIMESTAMPTZ(3),
ADD COLUMN     "task" TEXT NOT NULL DEFAULT 'turn',
ADD COLUMN     "wire" TEXT,
ALTER COLUMN "agent_id" DROP NOT NULL,
ALTER COLUMN "created_at" SET DEFAULT transaction_timestamp(),
ALTER COLUMN "run_id" DROP NOT NULL,
ALTER COLUMN "step_index" DROP NOT NULL;

-- What was in the ledger before.
UPDATE "usage_entry" u SET
  "input_tokens" = ("usage"->>'input')::int, "cached_tokens" = ("usage"->>'cachedInput')::int,
  "cache_write_tokens" = ("usage"->>'cacheWrite')::int, "output_tokens" = ("usage"->>'output')::int,
  "reasoning_tokens" = ("usage"->>'reasoning')::int, "started_at" = u."created_at",
  "wire" = CASE WHEN u."provider" IN ('anthropic', 'anthropic-compatible') THEN 'anthropic-messages'
                WHEN u."provider" = 'demo' THEN 'demo' ELSE 'openai-chat' END,
  "conversation_id" = r."conversation_id",
  "runs" = CASE WHEN u."id" = (SELECT min(f."id"::text)::uuid FROM "usage_entry" f WHERE f."run_id" = u."run_id") THEN 1 ELSE 0 END
FROM "run" r WHERE r."id" = u."run_id";

ALTER TABLE "usage_entry" DROP COLUMN "usage",
ALTER COLUMN "started_at" SET NOT NULL,
ALTER COLUMN "wire" SET NOT NULL;

-- CreateTable
CREATE TABLE "provider_health" (
    "id" TEXT NOT NULL,
    "team_id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "credential_id" UUID,
    "open_until" TIMESTAMPTZ(3),
    "probe_until" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "error_kind" TEXT,
    "error" TEXT,
    "failed_at" TIMESTAMPTZ(3),
    "succeeded_at" TIMESTAMPTZ(3),
    "first_token_ms" INTEGER,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_health_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget" (
    "id" UUID NOT NULL,
    "team_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "scope" "budget_scope" NOT NULL,
    "scope_id" UUID,
    "window" "budget_window" NOT NULL,
    "rolling" BOOLEAN NOT NULL,
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "unit" "budget_unit" NOT NULL,
    "max" DECIMAL(28,10) NOT NULL,
    "action" "budget_action" NOT NULL DEFAULT 'stop',
    "downgrade_to" TEXT,
    "allow_unpriced" BOOLEAN NOT NULL DEFAULT false,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "budget_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_slot" (
    "budget_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "used" DECIMAL(28,10) NOT NULL DEFAULT 0,
    "largest" DECIMAL(28,10) NOT NULL DEFAULT 0,
    "unpriced" INTEGER NOT NULL DEFAULT 0,
    "warned_at" TIMESTAMPTZ(3),

    CONSTRAINT "budget_slot_pkey" PRIMARY KEY ("budget_id","account_id","starts_at")
);

-- CreateTable
CREATE TABLE "budget_reservation" (
    "run_id" UUID NOT NULL,
    "step_index" INTEGER NOT NULL,
    "budget_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "amount" DECIMAL(28,10) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "budget_reservation_pkey" PRIMARY KEY ("run_id","step_index","budget_id")
);

-- CreateIndex
CREATE INDEX "provider_health_team_id_idx" ON "provider_health"("team_id");

-- CreateIndex
CREATE INDEX "budget_team_id_id_idx" ON "budget"("team_id", "id");

-- CreateIndex
CREATE INDEX "budget_reservation_budget_id_account_id_idx" ON "budget_reservation"("budget_id", "account_id");

-- AddForeignKey
ALTER TABLE "provider_health" ADD CONSTRAINT "provider_health_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "usage_entry" ADD CONSTRAINT "usage_entry_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "run"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget" ADD CONSTRAINT "budget_team_id_fkey" FOREIGN KEY ("team_id") REFERENCES "team"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget_slot" ADD CONSTRAINT "budget_slot_budget_id_fkey" FOREIGN KEY ("budget_id") REFERENCES "budget"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's schema language cannot say.

-- A run that waits for a budget has begun and keeps its place in the lane: what people say next is for a run behind it.
DROP INDEX "run_collecting_key";
CREATE UNIQUE INDEX "run_collecting_key" ON "run"("conversation_id")
  WHERE "status" = 'queued' AND "attempt" = 1 AND "trigger" = 'api' AND "waiting" IS NULL;
CREATE INDEX "run_waiting_idx" ON "run"("team_id") WHERE "status" = 'queued' AND "waiting" IS NOT NULL;

-- Budgets: how the windows lie and what an entry of the ledger counts is said here, once, for the ledger's trigger, for
-- reservations, for reports and for an operator's own queries (docs/providers/budgets.md). Each is one expression, which
-- the planner puts in the place of its call.

CREATE FUNCTION budget_length(b budget) RETURNS interval STABLE LANGUAGE sql AS $$
  SELECT CASE b."window" WHEN '5h' THEN interval '5 hours' WHEN 'day' THEN interval '24 hours'
    WHEN 'week' THEN interval '168 hours' ELSE interval '720 hours' END
$$;

-- A rolling window moves in slices of this length; 60 of them are the month's and the 5 hours' window.
CREATE FUNCTION budget_slice(b budget) RETURNS interval STABLE LANGUAGE sql AS $$
  SELECT CASE b."window" WHEN '5h' THEN interval '5 minutes' WHEN 'day' THEN interval '30 minutes'
    WHEN 'week' THEN interval '3 hours' ELSE interval '12 hours' END
$$;

-- The slot that an instant falls into: a slice, or the whole of a calendar's window.
CREATE FUNCTION budget_slot_start(b budget, at timestamptz) RETURNS timestamptz STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN b.rolling THEN date_bin(budget_slice(b), at, 'epoch'::timestamptz)
    ELSE date_trunc(b."window"::text, at, b.timezone) END
$$;

-- The first instant that counts. A rolling window is rounded up to whole slices, so that no stretch of its length ever
-- holds more than the budget.
CREATE FUNCTION budget_window_start(b budget, at timestamptz) RETURNS timestamptz STABLE LANGUAGE sql AS $$
  SELECT budget_slot_start(b, CASE WHEN b.rolling THEN at - budget_length(b) ELSE at END)
$$;

-- Whose account of the budget a run or an entry is on; null when the budget is not about it.
CREATE FUNCTION budget_account(b budget, agent uuid, channel uuid, schedule uuid, member uuid)
RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN b.scope = 'team' THEN b.id
    WHEN b.scope_id IS NULL
      THEN CASE b.scope WHEN 'agent' THEN agent WHEN 'channel' THEN channel WHEN 'schedule' THEN schedule ELSE member END
    WHEN b.scope_id =
      CASE b.scope WHEN 'agent' THEN agent WHEN 'channel' THEN channel WHEN 'schedule' THEN schedule ELSE member END
      THEN b.id END
$$;

-- What an entry of the ledger counts; null when that is unknown. An attempt that failed and cost nothing used no tokens.
CREATE FUNCTION budget_amount(b budget, cost numeric, input int, output int, runs int, outcome text)
RETURNS numeric STABLE LANGUAGE sql AS $$
  SELECT CASE b.unit WHEN 'usd' THEN cost WHEN 'runs' THEN runs
    ELSE coalesce(input + output, CASE WHEN outcome <> 'ok' AND cost = 0 THEN 0 END) END
$$;

-- When the next attempt is let in, as things stand: at the end of a calendar's window; in a rolling one when so much has
-- slid out that less than the budget is left, or, where that is so now, when the oldest slice slides out.
CREATE FUNCTION budget_resets_at(b budget, account uuid, at timestamptz) RETURNS timestamptz STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN NOT b.rolling
    THEN (date_trunc(b."window"::text, at AT TIME ZONE b.timezone) + ('1 ' || b."window")::interval) AT TIME ZONE b.timezone
    ELSE (
      SELECT min(s.starts_at) + budget_slice(b) + budget_length(b)
      FROM (
        SELECT starts_at, sum(used) OVER (ORDER BY starts_at DESC) - used AS later FROM budget_slot
        WHERE budget_id = b.id AND account_id = account AND starts_at >= budget_window_start(b, at)
      ) AS s WHERE s.later < b.max)
    END
$$;

-- Whatever is written to the ledger is counted in the slots, in the same transaction. The lock is shared among those who
-- write and kept until they commit; who makes or changes a budget takes it alone, and so finds every entry either in the
-- ledger, to be filled in, or not yet counted. Each statement of this function sees what was committed before it began.
CREATE FUNCTION charge_budgets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7306012, hashtext(team_id::text)) FROM entries GROUP BY team_id;
  IF NOT FOUND THEN RETURN NULL; END IF;
  INSERT INTO budget_slot AS s (budget_id, account_id, starts_at, used, largest, unpriced)
  SELECT b.id, a.id, budget_slot_start(b, e.created_at), coalesce(sum(m.amount), 0), coalesce(max(m.amount), 0),
    count(*) - count(m.amount)
  FROM entries e JOIN budget b ON b.team_id = e.team_id AND b.enabled,
    LATERAL (SELECT budget_account(b, e.agent_id, e.channel_id, e.schedule_id, e.api_key_id) AS id) AS a,
    LATERAL (SELECT budget_amount(b, e.cost_usd, e.input_tokens, e.output_tokens, e.runs, e.outcome) AS amount) AS m
  WHERE a.id IS NOT NULL
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (budget_id, account_id, starts_at)
  DO UPDATE SET used = s.used + excluded.used, largest = greatest(s.largest, excluded.largest),
    unpriced = s.unpriced + excluded.unpriced;
  RETURN NULL;
END
$$;

CREATE TRIGGER usage_entry_charge_budgets AFTER INSERT ON usage_entry
  REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION charge_budgets();

-- Reserves an attempt in every budget that is about its run, or in none when one of them refuses. Budgets are locked in
-- one order, and each is read in statements after its lock: they see what whoever held it before has reserved.
--
-- One row a budget: ok · unpriced (the model's price is unknown) · exceeded · busy (it would fit if what is under way
-- used less than it has reserved). An attempt that alone may use more than is left is let in when nothing else is under
-- way: a budget is exceeded by one attempt at most. A step that reserves again replaces its own.
--
-- An estimate may be far too low: an answer can be ten times the usual one. So an attempt reserves as much as the largest
-- of the window, and twenty times its estimate while there is none to go by.
CREATE FUNCTION reserve_budgets(for_run uuid, for_step int, model text, usd numeric, tokens numeric, passed uuid[])
RETURNS TABLE (budget uuid, account uuid, amount numeric, used numeric, reserved numeric, verdict text, resets_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  r run;
  b budget;
  channel uuid;
  window_start timestamptz;
  largest numeric;
  budgets uuid[] = '{}';
  accounts uuid[] = '{}';
  amounts numeric[] = '{}';
  admitted boolean = true;
BEGIN
  SELECT * INTO r FROM run WHERE run.id = for_run;
  SELECT c.channel_id INTO channel FROM conversation c WHERE c.id = r.conversation_id;
  FOR b IN
    SELECT x.* FROM budget x WHERE x.team_id = r.team_id AND x.enabled
      AND budget_account(x, r.agent_id, channel, r.schedule_id, r.api_key_id) IS NOT NULL
    ORDER BY x.id FOR NO KEY UPDATE
  LOOP
    budget = b.id;
    account = budget_account(b, r.agent_id, channel, r.schedule_id, r.api_key_id);
    window_start = budget_window_start(b, now());
    SELECT coalesce(sum(s.used), 0), max(s.largest) INTO used, largest FROM budget_slot s
      WHERE s.budget_id = budget AND s.account_id = account AND s.starts_at >= window_start;
    SELECT coalesce(sum(v.amount), 0) INTO reserved FROM budget_reservation v
      WHERE v.budget_id = budget AND v.account_id = account AND v.expires_at > now()
        AND (v.run_id <> for_run OR v.step_index <> for_step);
    IF b.unit = 'runs' THEN
      amount = CASE WHEN EXISTS (SELECT FROM usage_entry u WHERE u.run_id = for_run) THEN 0 ELSE 1 END;
    ELSE
      amount = coalesce(CASE b.unit WHEN 'usd' THEN usd ELSE tokens END, 0);
      amount = CASE WHEN largest > 0 THEN greatest(amount, largest) ELSE 20 * amount END;
    END IF;
    verdict = CASE
      WHEN b.unit = 'usd' AND usd IS NULL AND NOT b.allow_unpriced THEN 'unpriced'
      WHEN b.id = ANY (passed) OR b.downgrade_to = model THEN 'ok'
      WHEN b.unit = 'runs' AND amount = 0 THEN 'ok'
      WHEN used >= b.max THEN 'exceeded'
      WHEN reserved > 0 AND used + reserved + amount > b.max THEN 'busy'
      ELSE 'ok' END;
    resets_at = CASE verdict
      WHEN 'exceeded' THEN coalesce(budget_resets_at(b, account, now()), now() + budget_length(b))
      WHEN 'busy' THEN now() + (1 + random()) * interval '1 second' END;
    RETURN NEXT;
    budgets = budgets || budget;
    accounts = accounts || account;
    amounts = amounts || amount;
    admitted = admitted AND verdict = 'ok';
  END LOOP;
  IF admitted AND budgets <> '{}' THEN
    INSERT INTO budget_reservation (run_id, step_index, budget_id, account_id, amount, expires_at)
    SELECT for_run, for_step, kept.budget_id, kept.account_id, kept.amount, now() + interval '1 hour'
    FROM unnest(budgets, accounts, amounts) AS kept (budget_id, account_id, amount)
    ON CONFLICT ON CONSTRAINT budget_reservation_pkey
    DO UPDATE SET account_id = excluded.account_id, amount = excluded.amount, expires_at = excluded.expires_at;
  END IF;
END
$$;
