-- The draft would build both tables anew; dropping the indexes does.
-- Drop index "gate_logs_inside" from table: "gate_logs"
DROP INDEX `gate_logs_inside`;
-- Create index "gate_logs_inside" to table: "gate_logs"
CREATE INDEX `gate_logs_inside` ON `gate_logs` (`entry_at`, `id`, `subject`, `exit_at`, `is_superseded`) WHERE exit_at IS NULL AND NOT is_superseded;
-- Drop index "work_orders_overdue" from table: "work_orders"
DROP INDEX `work_orders_overdue`;
-- Create index "work_orders_overdue" to table: "work_orders"
CREATE INDEX `work_orders_overdue` ON `work_orders` (`planned_end`, `id`, `is_active`, `status`) WHERE is_active AND status NOT IN ('DRAFT', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED');
