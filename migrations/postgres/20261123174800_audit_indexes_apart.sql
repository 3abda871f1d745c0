-- The indexes of the trail, but the one by time alone, sort their last two columns with NULLS FIRST. There are no NULLs
-- in them: it keeps the planner from reading the trail by time and looking for what is asked there. A search orders by
-- DESC NULLS LAST to get these.
-- Drop index "audit_events_action" from table: "audit_events"
DROP INDEX "audit_events_action";
-- Create index "audit_events_action" to table: "audit_events"
CREATE INDEX "audit_events_action" ON "audit_events" ("action", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_action_outcome" from table: "audit_events"
DROP INDEX "audit_events_action_outcome";
-- Create index "audit_events_action_outcome" to table: "audit_events"
CREATE INDEX "audit_events_action_outcome" ON "audit_events" ("action", "outcome", "created_at" NULLS FIRST, "id" NULLS FIRST) WHERE (outcome <> 'OK'::text);
-- Drop index "audit_events_entity" from table: "audit_events"
DROP INDEX "audit_events_entity";
-- Create index "audit_events_entity" to table: "audit_events"
CREATE INDEX "audit_events_entity" ON "audit_events" ("resource", "entity_id", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_ip" from table: "audit_events"
DROP INDEX "audit_events_ip";
-- Create index "audit_events_ip" to table: "audit_events"
CREATE INDEX "audit_events_ip" ON "audit_events" ("ip", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_ip_outcome" from table: "audit_events"
DROP INDEX "audit_events_ip_outcome";
-- Create index "audit_events_ip_outcome" to table: "audit_events"
CREATE INDEX "audit_events_ip_outcome" ON "audit_events" ("ip", "outcome", "created_at" NULLS FIRST, "id" NULLS FIRST) WHERE (outcome <> 'OK'::text);
-- Drop index "audit_events_outcome" from table: "audit_events"
DROP INDEX "audit_events_outcome";
-- Create index "audit_events_outcome" to table: "audit_events"
CREATE INDEX "audit_events_outcome" ON "audit_events" ("outcome", "created_at" NULLS FIRST, "id" NULLS FIRST) WHERE (outcome <> 'OK'::text);
-- Drop index "audit_events_path" from table: "audit_events"
DROP INDEX "audit_events_path";
-- Create index "audit_events_path" to table: "audit_events"
CREATE INDEX "audit_events_path" ON "audit_events" ("path", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_request_id" from table: "audit_events"
DROP INDEX "audit_events_request_id";
-- Create index "audit_events_request_id" to table: "audit_events"
CREATE INDEX "audit_events_request_id" ON "audit_events" ("request_id", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_resource" from table: "audit_events"
DROP INDEX "audit_events_resource";
-- Create index "audit_events_resource" to table: "audit_events"
CREATE INDEX "audit_events_resource" ON "audit_events" ("resource", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_resource_action" from table: "audit_events"
DROP INDEX "audit_events_resource_action";
-- Create index "audit_events_resource_action" to table: "audit_events"
CREATE INDEX "audit_events_resource_action" ON "audit_events" ("resource", "action", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_user_action" from table: "audit_events"
DROP INDEX "audit_events_user_action";
-- Create index "audit_events_user_action" to table: "audit_events"
CREATE INDEX "audit_events_user_action" ON "audit_events" ("user_id", "action", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_user_id" from table: "audit_events"
DROP INDEX "audit_events_user_id";
-- Create index "audit_events_user_id" to table: "audit_events"
CREATE INDEX "audit_events_user_id" ON "audit_events" ("user_id", "created_at" NULLS FIRST, "id" NULLS FIRST);
-- Drop index "audit_events_user_outcome" from table: "audit_events"
DROP INDEX "audit_events_user_outcome";
-- Create index "audit_events_user_outcome" to table: "audit_events"
CREATE INDEX "audit_events_user_outcome" ON "audit_events" ("user_id", "outcome", "created_at" NULLS FIRST, "id" NULLS FIRST) WHERE (outcome <> 'OK'::text);
