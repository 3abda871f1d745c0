-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "security_exit_at" to table: "work_orders"
ALTER TABLE `work_orders` ADD COLUMN `security_exit_at` datetime NULL;
-- Create "new_work_order_items" table
CREATE TABLE `new_work_order_items` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `sequence` integer NOT NULL,
  `item_type` text NOT NULL DEFAULT ('SERVICE'),
  `service_code` text NULL,
  `service_name` text NULL,
  `resource_code` text NULL,
  `resource_name` text NULL,
  `start_time` datetime NULL,
  `end_time` datetime NULL,
  `duration_minutes` integer NULL,
  `quantity` numeric NOT NULL,
  `unit` text NOT NULL,
  `unit_price` numeric NOT NULL,
  `currency` text NOT NULL,
  `total_amount` numeric NOT NULL,
  `vat_rate` numeric NOT NULL,
  `vat_amount` numeric NOT NULL,
  `grand_total` numeric NOT NULL,
  `notes` text NULL,
  `is_invoiced` bool NOT NULL DEFAULT (false),
  `version` integer NOT NULL DEFAULT 1,
  `service_id` integer NULL,
  `work_log_id` integer NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_items_services_work_order_items` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_items_work_logs_item` FOREIGN KEY (`work_log_id`) REFERENCES `work_logs` (`id`) ON DELETE SET NULL,
  CONSTRAINT `work_order_items_work_orders_items` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_items_item_type_check` CHECK (item_type IN ('WORKLOG', 'RESOURCE', 'SERVICE')),
  CONSTRAINT `work_order_items_quantity_check` CHECK (quantity > 0),
  CONSTRAINT `work_order_items_time_check` CHECK (end_time > start_time),
  CONSTRAINT `work_order_items_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `work_order_items_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Copy rows from old table "work_order_items" to new temporary table "new_work_order_items"
INSERT INTO `new_work_order_items` (`id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `service_id`, `work_order_id`) SELECT `id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `service_id`, `work_order_id` FROM `work_order_items`;
-- Drop "work_order_items" table after copying rows
DROP TABLE `work_order_items`;
-- Rename temporary table "new_work_order_items" to "work_order_items"
ALTER TABLE `new_work_order_items` RENAME TO `work_order_items`;
-- Create index "work_order_items_work_log_id_key" to table: "work_order_items"
CREATE UNIQUE INDEX `work_order_items_work_log_id_key` ON `work_order_items` (`work_log_id`);
-- Create index "work_order_items_work_order_id" to table: "work_order_items"
CREATE UNIQUE INDEX `work_order_items_work_order_id` ON `work_order_items` (`work_order_id`, `sequence`);
-- Create index "work_order_items_service_id" to table: "work_order_items"
CREATE INDEX `work_order_items_service_id` ON `work_order_items` (`service_id`);
-- Create "exchange_rates" table
CREATE TABLE `exchange_rates` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `bulletin_date` date NOT NULL,
  `bulletin_no` text NULL,
  `valid_from` date NOT NULL,
  `currency_from` text NOT NULL,
  `currency_to` text NOT NULL DEFAULT ('TRY'),
  `unit` integer NOT NULL DEFAULT (1),
  `forex_buying` numeric NULL,
  `forex_selling` numeric NULL,
  `banknote_buying` numeric NULL,
  `banknote_selling` numeric NULL,
  `source` text NOT NULL,
  `needs_review` bool NOT NULL DEFAULT (false),
  `reason` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  CONSTRAINT `exchange_rates_forex_check` CHECK (forex_buying IS NOT NULL OR forex_selling IS NOT NULL),
  CONSTRAINT `exchange_rates_source_check` CHECK (source IN ('TCMB', 'EVDS', 'MANUAL')),
  CONSTRAINT `exchange_rates_valid_from_check` CHECK (valid_from >= bulletin_date),
  CONSTRAINT `exchange_rates_values_check` CHECK (forex_buying > 0 AND forex_selling > 0 AND banknote_buying > 0 AND banknote_selling > 0)
);
-- Create index "exchange_rates_bulletin" to table: "exchange_rates"
CREATE UNIQUE INDEX `exchange_rates_bulletin` ON `exchange_rates` (`bulletin_date`, `currency_from`, `currency_to`);
-- Create index "exchange_rates_valid_from" to table: "exchange_rates"
CREATE INDEX `exchange_rates_valid_from` ON `exchange_rates` (`currency_from`, `currency_to`, `valid_from`, `id`);
-- Create index "exchange_rates_bulletin_date" to table: "exchange_rates"
CREATE INDEX `exchange_rates_bulletin_date` ON `exchange_rates` (`bulletin_date`, `id`);
-- Create index "exchange_rates_currency" to table: "exchange_rates"
CREATE INDEX `exchange_rates_currency` ON `exchange_rates` (`currency_from`, `bulletin_date`, `id`);
-- Create index "exchange_rates_review" to table: "exchange_rates"
CREATE INDEX `exchange_rates_review` ON `exchange_rates` (`bulletin_date`, `id`) WHERE needs_review;
-- Create "gate_checklist_items" table
CREATE TABLE `gate_checklist_items` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `wo_type` text NOT NULL,
  `label` text NOT NULL,
  `is_required` bool NOT NULL DEFAULT (true),
  `display_order` integer NOT NULL DEFAULT (0),
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  CONSTRAINT `gate_checklist_items_wo_type_check` CHECK (wo_type IN ('SERVICE', 'MOTORBOT', 'BERTHING', 'OTHER'))
);
-- Create index "gate_checklist_items_label" to table: "gate_checklist_items"
CREATE UNIQUE INDEX `gate_checklist_items_label` ON `gate_checklist_items` (`wo_type`, `label`);
-- Create index "gate_checklist_items_order" to table: "gate_checklist_items"
CREATE INDEX `gate_checklist_items_order` ON `gate_checklist_items` (`wo_type`, `is_active`, `display_order`, `id`);
-- Create "gate_logs" table
CREATE TABLE `gate_logs` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `wo_number` text NOT NULL,
  `wo_status` text NOT NULL,
  `subject` text NOT NULL,
  `vehicle_plate` text NULL,
  `plate_norm` text NULL,
  `is_foreign_plate` bool NOT NULL DEFAULT (false),
  `vehicle_type` text NULL,
  `driver_name` text NULL,
  `checklist` json NULL,
  `checklist_complete` bool NOT NULL DEFAULT (false),
  `is_exception` bool NOT NULL DEFAULT (false),
  `exception_reason` text NULL,
  `entry_at` datetime NOT NULL,
  `entry_device_at` datetime NULL,
  `entry_is_manual` bool NOT NULL DEFAULT (false),
  `entry_by` integer NOT NULL,
  `entry_by_name` text NOT NULL,
  `exit_at` datetime NULL,
  `exit_device_at` datetime NULL,
  `exit_is_manual` bool NOT NULL DEFAULT (false),
  `exit_by` integer NULL,
  `exit_by_name` text NULL,
  `duration_minutes` integer NULL,
  `base_minutes` integer NOT NULL,
  `overrun_minutes` integer NULL,
  `notes` text NULL,
  `is_superseded` bool NOT NULL DEFAULT (false),
  `corrects_id` integer NULL,
  `motorbot_id` integer NULL,
  `work_order_id` integer NOT NULL,
  `person_id` integer NULL,
  CONSTRAINT `gate_logs_gate_logs_correction` FOREIGN KEY (`corrects_id`) REFERENCES `gate_logs` (`id`) ON DELETE SET NULL,
  CONSTRAINT `gate_logs_motorbot_gate_logs` FOREIGN KEY (`motorbot_id`) REFERENCES `motorbot` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `gate_logs_work_orders_gate_logs` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `gate_logs_work_order_persons_gate_logs` FOREIGN KEY (`person_id`) REFERENCES `work_order_persons` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `gate_logs_exception_check` CHECK (NOT is_exception OR exception_reason IS NOT NULL),
  CONSTRAINT `gate_logs_exit_check` CHECK (exit_at >= entry_at),
  CONSTRAINT `gate_logs_subject_check` CHECK (subject IN ('VEHICLE', 'PERSON')),
  CONSTRAINT `gate_logs_vehicle_type_check` CHECK (vehicle_type IN ('TRACTOR', 'TRAILER', 'TRUCK', 'VAN', 'CAR', 'OTHER')),
  CONSTRAINT `gate_logs_who_check` CHECK (plate_norm IS NOT NULL OR person_id IS NOT NULL),
  CONSTRAINT `gate_logs_wo_status_check` CHECK (wo_status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED'))
);
-- Create index "gate_logs_corrects_id_key" to table: "gate_logs"
CREATE UNIQUE INDEX `gate_logs_corrects_id_key` ON `gate_logs` (`corrects_id`);
-- Create index "gate_logs_entry" to table: "gate_logs"
CREATE INDEX `gate_logs_entry` ON `gate_logs` (`entry_at`, `id`);
-- Create index "gate_logs_exit" to table: "gate_logs"
CREATE INDEX `gate_logs_exit` ON `gate_logs` (`exit_at`, `id`) WHERE exit_at IS NOT NULL;
-- Create index "gate_logs_work_order_id" to table: "gate_logs"
CREATE INDEX `gate_logs_work_order_id` ON `gate_logs` (`work_order_id`, `entry_at`, `id`);
-- Create index "gate_logs_plate" to table: "gate_logs"
CREATE INDEX `gate_logs_plate` ON `gate_logs` (`plate_norm`, `entry_at`, `id`);
-- Create index "gate_logs_person_id" to table: "gate_logs"
CREATE INDEX `gate_logs_person_id` ON `gate_logs` (`person_id`, `entry_at`, `id`);
-- Create index "gate_logs_motorbot_id" to table: "gate_logs"
CREATE INDEX `gate_logs_motorbot_id` ON `gate_logs` (`motorbot_id`);
-- Create index "gate_logs_inside" to table: "gate_logs"
CREATE INDEX `gate_logs_inside` ON `gate_logs` (`entry_at`, `id`) WHERE exit_at IS NULL AND NOT is_superseded;
-- Create index "gate_logs_exception" to table: "gate_logs"
CREATE INDEX `gate_logs_exception` ON `gate_logs` (`entry_at`, `id`) WHERE is_exception;
-- Create index "gate_logs_plate_inside" to table: "gate_logs"
CREATE UNIQUE INDEX `gate_logs_plate_inside` ON `gate_logs` (`plate_norm`) WHERE exit_at IS NULL AND NOT is_superseded AND plate_norm IS NOT NULL;
-- Create index "gate_logs_person_inside" to table: "gate_logs"
CREATE UNIQUE INDEX `gate_logs_person_inside` ON `gate_logs` (`person_id`) WHERE exit_at IS NULL AND NOT is_superseded AND person_id IS NOT NULL;
-- Create "gate_pins" table
CREATE TABLE `gate_pins` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `pin_hash` text NOT NULL,
  `failed_tries` integer NOT NULL DEFAULT (0),
  `locked_until` datetime NULL,
  `user_id` integer NOT NULL,
  CONSTRAINT `gate_pins_users_gate_pin` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "gate_pins_user_id_key" to table: "gate_pins"
CREATE UNIQUE INDEX `gate_pins_user_id_key` ON `gate_pins` (`user_id`);
-- Create "motorbot" table
CREATE TABLE `motorbot` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `mb_code` text NOT NULL,
  `name` text NOT NULL,
  `name_fold` text NOT NULL,
  `search_text` text NOT NULL,
  `plate` text NULL,
  `capacity_ton` numeric NULL,
  `max_speed_knot` numeric NULL,
  `gross_tonnage` numeric NULL,
  `flag` text NULL,
  `status` text NOT NULL DEFAULT ('ACTIVE'),
  `acquired_on` date NULL,
  `notes` text NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `owner_cari_id` integer NULL,
  CONSTRAINT `motorbot_cari_motorbots` FOREIGN KEY (`owner_cari_id`) REFERENCES `cari` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `motorbot_capacity_ton_check` CHECK (capacity_ton > 0 AND capacity_ton <= 1000),
  CONSTRAINT `motorbot_gross_tonnage_check` CHECK (gross_tonnage > 0),
  CONSTRAINT `motorbot_max_speed_knot_check` CHECK (max_speed_knot > 0 AND max_speed_knot <= 100),
  CONSTRAINT `motorbot_status_check` CHECK (status IN ('ACTIVE', 'MAINTENANCE', 'OUT_OF_SERVICE'))
);
-- Create index "motorbot_mb_code" to table: "motorbot"
CREATE UNIQUE INDEX `motorbot_mb_code` ON `motorbot` (`mb_code`);
-- Create index "motorbot_name" to table: "motorbot"
CREATE INDEX `motorbot_name` ON `motorbot` (`is_active`, `name_fold`, `id`);
-- Create index "motorbot_status" to table: "motorbot"
CREATE INDEX `motorbot_status` ON `motorbot` (`status`, `is_active`, `name_fold`, `id`);
-- Create index "motorbot_owner_cari_id" to table: "motorbot"
CREATE INDEX `motorbot_owner_cari_id` ON `motorbot` (`owner_cari_id`, `is_active`, `name_fold`, `id`);
-- Create "parameters" table
CREATE TABLE `parameters` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `category` text NOT NULL,
  `code` text NOT NULL,
  `name` text NOT NULL,
  `value` text NOT NULL,
  `description` text NULL,
  `data_type` text NOT NULL DEFAULT ('STRING'),
  `sort_no` integer NOT NULL DEFAULT (0),
  `is_system` bool NOT NULL DEFAULT (false),
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  CONSTRAINT `parameters_data_type_check` CHECK (data_type IN ('STRING', 'NUMBER', 'BOOLEAN', 'JSON', 'TIME', 'DATE'))
);
-- Create index "parameters_category_code" to table: "parameters"
CREATE UNIQUE INDEX `parameters_category_code` ON `parameters` (`category`, `code`);
-- Create index "parameters_category" to table: "parameters"
CREATE INDEX `parameters_category` ON `parameters` (`category`, `is_active`, `sort_no`, `id`);
-- Create "parameter_history" table
CREATE TABLE `parameter_history` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `old_value` text NULL,
  `new_value` text NOT NULL,
  `is_active` bool NOT NULL,
  `user_id` integer NULL,
  `user_name` text NOT NULL,
  `created_at` datetime NOT NULL,
  `parameter_id` integer NOT NULL,
  CONSTRAINT `parameter_history_parameters_history` FOREIGN KEY (`parameter_id`) REFERENCES `parameters` (`id`) ON DELETE CASCADE
);
-- Create index "parameter_history_parameter_id" to table: "parameter_history"
CREATE INDEX `parameter_history_parameter_id` ON `parameter_history` (`parameter_id`, `id`);
-- Create "trips" table
CREATE TABLE `trips` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `trip_no` text NOT NULL,
  `trip_date` date NOT NULL,
  `planned_departure_at` datetime NOT NULL,
  `planned_return_at` datetime NULL,
  `departure_at` datetime NULL,
  `return_at` datetime NULL,
  `starts_at` datetime NOT NULL,
  `ends_at` datetime NULL,
  `departure_pier` text NULL,
  `arrival_pier` text NULL,
  `cari_code` text NULL,
  `unit_price` numeric NULL,
  `currency` text NULL,
  `vat_rate` numeric NULL,
  `net_amount` numeric NULL,
  `vat_amount` numeric NULL,
  `grand_total` numeric NULL,
  `amount_try` numeric NULL,
  `exchange_rate` numeric NULL,
  `rate_date` date NULL,
  `calculation` json NULL,
  `cargo_description` text NULL,
  `notes` text NULL,
  `status` text NOT NULL DEFAULT ('PLANNED'),
  `invoice_status` text NOT NULL DEFAULT ('NONE'),
  `invoice_no` text NULL,
  `invoiced_at` datetime NULL,
  `cancel_reason` text NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `updated_by` integer NOT NULL,
  `cari_id` integer NULL,
  `motorbot_id` integer NOT NULL,
  `service_id` integer NULL,
  `work_order_id` integer NULL,
  CONSTRAINT `trips_cari_trips` FOREIGN KEY (`cari_id`) REFERENCES `cari` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `trips_motorbot_trips` FOREIGN KEY (`motorbot_id`) REFERENCES `motorbot` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `trips_services_trips` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `trips_work_orders_trips` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE SET NULL,
  CONSTRAINT `trips_actual_check` CHECK (return_at > departure_at),
  CONSTRAINT `trips_interval_check` CHECK (ends_at > starts_at),
  CONSTRAINT `trips_invoice_status_check` CHECK (invoice_status IN ('NONE', 'PENDING', 'INVOICED')),
  CONSTRAINT `trips_planned_check` CHECK (planned_return_at > planned_departure_at),
  CONSTRAINT `trips_status_check` CHECK (status IN ('PLANNED', 'UNDERWAY', 'COMPLETED', 'CANCELLED')),
  CONSTRAINT `trips_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `trips_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "trips_trip_no" to table: "trips"
CREATE UNIQUE INDEX `trips_trip_no` ON `trips` (`trip_no`);
-- Create index "trips_starts" to table: "trips"
CREATE INDEX `trips_starts` ON `trips` (`is_active`, `starts_at`, `id`);
-- Create index "trips_motorbot_id" to table: "trips"
CREATE INDEX `trips_motorbot_id` ON `trips` (`motorbot_id`, `is_active`, `starts_at`, `id`);
-- Create index "trips_status" to table: "trips"
CREATE INDEX `trips_status` ON `trips` (`status`, `is_active`, `starts_at`, `id`);
-- Create index "trips_cari_id" to table: "trips"
CREATE INDEX `trips_cari_id` ON `trips` (`cari_id`, `is_active`, `starts_at`, `id`);
-- Create index "trips_occupied" to table: "trips"
CREATE INDEX `trips_occupied` ON `trips` (`motorbot_id`, `starts_at`, `ends_at`) WHERE is_active AND status IN ('PLANNED', 'UNDERWAY');
-- Create index "trips_uninvoiced" to table: "trips"
CREATE INDEX `trips_uninvoiced` ON `trips` (`cari_id`, `starts_at`, `id`) WHERE is_active AND invoice_status = 'PENDING';
-- Create index "trips_work_order_id" to table: "trips"
CREATE INDEX `trips_work_order_id` ON `trips` (`work_order_id`);
-- Create index "trips_service_id" to table: "trips"
CREATE INDEX `trips_service_id` ON `trips` (`service_id`);
-- Create "work_logs" table
CREATE TABLE `work_logs` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `personnel_name` text NOT NULL,
  `kind` text NOT NULL DEFAULT ('OTHER'),
  `time_start` datetime NOT NULL,
  `time_end` datetime NOT NULL,
  `duration_minutes` integer NOT NULL,
  `quantity` numeric NOT NULL,
  `unit` text NOT NULL DEFAULT ('SAAT'),
  `description` text NULL,
  `notes` text NULL,
  `status` text NOT NULL DEFAULT ('PENDING'),
  `decided_by` integer NULL,
  `decided_by_name` text NULL,
  `decided_at` datetime NULL,
  `rejection_reason` text NULL,
  `version` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `motorbot_id` integer NULL,
  `service_id` integer NULL,
  `trip_id` integer NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_logs_motorbot_work_logs` FOREIGN KEY (`motorbot_id`) REFERENCES `motorbot` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_logs_services_work_logs` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_logs_trips_work_logs` FOREIGN KEY (`trip_id`) REFERENCES `trips` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_logs_work_orders_work_logs` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_logs_kind_check` CHECK (kind IN ('MAINTENANCE', 'REPAIR', 'TRANSFER', 'OTHER')),
  CONSTRAINT `work_logs_quantity_check` CHECK (quantity > 0),
  CONSTRAINT `work_logs_status_check` CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED', 'PROCESSED')),
  CONSTRAINT `work_logs_time_check` CHECK (time_end > time_start)
);
-- Create index "work_logs_work_order_id" to table: "work_logs"
CREATE INDEX `work_logs_work_order_id` ON `work_logs` (`work_order_id`, `time_start`, `id`);
-- Create index "work_logs_time_start" to table: "work_logs"
CREATE INDEX `work_logs_time_start` ON `work_logs` (`time_start`, `id`);
-- Create index "work_logs_status" to table: "work_logs"
CREATE INDEX `work_logs_status` ON `work_logs` (`status`, `time_start`, `id`);
-- Create index "work_logs_pending" to table: "work_logs"
CREATE INDEX `work_logs_pending` ON `work_logs` (`work_order_id`) WHERE status = 'PENDING';
-- Create index "work_logs_trip_id" to table: "work_logs"
CREATE INDEX `work_logs_trip_id` ON `work_logs` (`trip_id`);
-- Create index "work_logs_motorbot_id" to table: "work_logs"
CREATE INDEX `work_logs_motorbot_id` ON `work_logs` (`motorbot_id`);
-- Create index "work_logs_service_id" to table: "work_logs"
CREATE INDEX `work_logs_service_id` ON `work_logs` (`service_id`);
-- Create "work_order_persons" table
CREATE TABLE `work_order_persons` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `full_name` text NOT NULL,
  `national_id` text NULL,
  `passport_no` text NULL,
  `nationality` text NOT NULL DEFAULT ('TUR'),
  `phone` text NULL,
  `status` text NOT NULL DEFAULT ('ANNOUNCED'),
  `gate_entry_at` datetime NULL,
  `gate_exit_at` datetime NULL,
  `decided_by` integer NULL,
  `decided_by_name` text NULL,
  `decided_at` datetime NULL,
  `security_notes` text NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_persons_work_orders_persons` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_persons_identity_check` CHECK (national_id IS NOT NULL OR passport_no IS NOT NULL),
  CONSTRAINT `work_order_persons_status_check` CHECK (status IN ('ANNOUNCED', 'APPROVED', 'REFUSED', 'ENTERED', 'EXITED'))
);
-- Create index "work_order_persons_work_order_id" to table: "work_order_persons"
CREATE INDEX `work_order_persons_work_order_id` ON `work_order_persons` (`work_order_id`, `is_active`, `id`);
-- Create index "work_order_persons_national_id" to table: "work_order_persons"
CREATE UNIQUE INDEX `work_order_persons_national_id` ON `work_order_persons` (`work_order_id`, `national_id`) WHERE is_active AND national_id IS NOT NULL;
-- Create index "work_order_persons_passport_no" to table: "work_order_persons"
CREATE UNIQUE INDEX `work_order_persons_passport_no` ON `work_order_persons` (`work_order_id`, `passport_no`) WHERE is_active AND passport_no IS NOT NULL;
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
