-- Modify "audit_events" table
ALTER TABLE "audit_events" ALTER COLUMN "path" TYPE character varying COLLATE "C", ALTER COLUMN "action" TYPE character varying COLLATE "C", ALTER COLUMN "resource" TYPE character varying COLLATE "C", ALTER COLUMN "entity_id" TYPE character varying COLLATE "C", ALTER COLUMN "request_id" TYPE character varying COLLATE "C", ALTER COLUMN "ip" TYPE character varying COLLATE "C";
-- Create index "audit_events_action_outcome" to table: "audit_events"
CREATE INDEX "audit_events_action_outcome" ON "audit_events" ("action", "outcome", "created_at", "id") WHERE (outcome <> 'OK'::text);
-- Create index "audit_events_ip" to table: "audit_events"
CREATE INDEX "audit_events_ip" ON "audit_events" ("ip", "created_at", "id");
-- Create index "audit_events_ip_outcome" to table: "audit_events"
CREATE INDEX "audit_events_ip_outcome" ON "audit_events" ("ip", "outcome", "created_at", "id") WHERE (outcome <> 'OK'::text);
-- Create index "audit_events_outcome" to table: "audit_events"
CREATE INDEX "audit_events_outcome" ON "audit_events" ("outcome", "created_at", "id") WHERE (outcome <> 'OK'::text);
-- Create index "audit_events_request_id" to table: "audit_events"
CREATE INDEX "audit_events_request_id" ON "audit_events" ("request_id", "created_at", "id");
-- Create index "audit_events_resource_action" to table: "audit_events"
CREATE INDEX "audit_events_resource_action" ON "audit_events" ("resource", "action", "created_at", "id");
-- Create index "audit_events_user_action" to table: "audit_events"
CREATE INDEX "audit_events_user_action" ON "audit_events" ("user_id", "action", "created_at", "id");
-- Create index "audit_events_user_outcome" to table: "audit_events"
CREATE INDEX "audit_events_user_outcome" ON "audit_events" ("user_id", "outcome", "created_at", "id") WHERE (outcome <> 'OK'::text);
