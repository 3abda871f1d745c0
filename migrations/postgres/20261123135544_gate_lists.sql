-- Modify "gate_logs" table
ALTER TABLE "gate_logs" ADD COLUMN "correction_reason" character varying NULL;
-- Create index "gate_logs_order_inside" to table: "gate_logs"
CREATE INDEX "gate_logs_order_inside" ON "gate_logs" ("work_order_id") WHERE ((exit_at IS NULL) AND (NOT is_superseded));
-- Create index "gate_logs_plate_prefix" to table: "gate_logs"
CREATE INDEX "gate_logs_plate_prefix" ON "gate_logs" ("plate_norm", "id");
