-- Create index "audit_events_action" to table: "audit_events"
CREATE INDEX `audit_events_action` ON `audit_events` (`action`, `created_at`, `id`);
-- Create index "audit_events_resource" to table: "audit_events"
CREATE INDEX `audit_events_resource` ON `audit_events` (`resource`, `created_at`, `id`);
-- Create index "audit_events_entity" to table: "audit_events"
CREATE INDEX `audit_events_entity` ON `audit_events` (`resource`, `entity_id`, `created_at`, `id`);
