-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "rate_kind" to table: "trips"
ALTER TABLE `trips` ADD COLUMN `rate_kind` text NULL;
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
  `weight_kg` numeric NULL,
  `person_count` integer NULL,
  `measure` numeric NULL,
  `days` numeric NULL,
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
  `price_source` text NULL,
  `price_currency` text NULL,
  `net_amount` numeric NULL,
  `exchange_rate` numeric NULL,
  `rate_kind` text NULL,
  `rate_date` date NULL,
  `amount_try` numeric NULL,
  `calculation` json NULL,
  `version` integer NOT NULL DEFAULT (1),
  `price_list_item_id` integer NULL,
  `service_id` integer NULL,
  `service_override_id` integer NULL,
  `work_log_id` integer NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_items_price_list_items_work_order_items` FOREIGN KEY (`price_list_item_id`) REFERENCES `price_list_items` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_items_services_work_order_items` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_items_service_tariff_overrides_work_order_items` FOREIGN KEY (`service_override_id`) REFERENCES `service_tariff_overrides` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_items_work_logs_item` FOREIGN KEY (`work_log_id`) REFERENCES `work_logs` (`id`) ON DELETE SET NULL,
  CONSTRAINT `work_order_items_work_orders_items` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_items_exchange_rate_check` CHECK (exchange_rate > 0),
  CONSTRAINT `work_order_items_inputs_check` CHECK (weight_kg >= 0 AND person_count >= 0 AND measure >= 0 AND days >= 0),
  CONSTRAINT `work_order_items_item_type_check` CHECK (item_type IN ('WORKLOG', 'RESOURCE', 'SERVICE')),
  CONSTRAINT `work_order_items_price_source_check` CHECK (price_source IN ('OVERRIDE', 'PRICE_LIST', 'SERVICE', 'PARAMETER', 'MANUAL')),
  CONSTRAINT `work_order_items_quantity_check` CHECK (quantity > 0),
  CONSTRAINT `work_order_items_time_check` CHECK (end_time > start_time),
  CONSTRAINT `work_order_items_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `work_order_items_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Copy rows from old table "work_order_items" to new temporary table "new_work_order_items"
INSERT INTO `new_work_order_items` (`id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `weight_kg`, `person_count`, `measure`, `days`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `price_source`, `price_currency`, `net_amount`, `exchange_rate`, `rate_kind`, `rate_date`, `amount_try`, `calculation`, `version`, `price_list_item_id`, `service_id`, `service_override_id`, `work_log_id`, `work_order_id`) SELECT `id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `weight_kg`, `person_count`, `measure`, `days`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `price_source`, `price_currency`, `net_amount`, `exchange_rate`, `rate_kind`, `rate_date`, `amount_try`, `calculation`, `version`, `price_list_item_id`, `service_id`, `service_override_id`, `work_log_id`, `work_order_id` FROM `work_order_items`;
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
-- Create index "work_order_items_price_list_item_id" to table: "work_order_items"
CREATE INDEX `work_order_items_price_list_item_id` ON `work_order_items` (`price_list_item_id`);
-- Create index "work_order_items_service_override_id" to table: "work_order_items"
CREATE INDEX `work_order_items_service_override_id` ON `work_order_items` (`service_override_id`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
