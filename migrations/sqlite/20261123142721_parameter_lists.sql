-- Create index "parameters_code" to table: "parameters"
CREATE INDEX `parameters_code` ON `parameters` (`code`, `id`);
-- Create index "parameters_active_code" to table: "parameters"
CREATE INDEX `parameters_active_code` ON `parameters` (`is_active`, `code`, `id`);
