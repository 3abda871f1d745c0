-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Add column "category_code" to table: "services"
ALTER TABLE `services` ADD COLUMN `category_code` text NULL;
-- Add column "vat_exemption" to table: "services"
ALTER TABLE `services` ADD COLUMN `vat_exemption` text NULL;
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
  CONSTRAINT `work_order_items_price_source_check` CHECK (price_source IN ('OVERRIDE', 'PRICE_LIST', 'SERVICE', 'MANUAL')),
  CONSTRAINT `work_order_items_quantity_check` CHECK (quantity > 0),
  CONSTRAINT `work_order_items_time_check` CHECK (end_time > start_time),
  CONSTRAINT `work_order_items_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `work_order_items_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Copy rows from old table "work_order_items" to new temporary table "new_work_order_items"
INSERT INTO `new_work_order_items` (`id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `version`, `service_id`, `work_log_id`, `work_order_id`) SELECT `id`, `created_at`, `updated_at`, `sequence`, `item_type`, `service_code`, `service_name`, `resource_code`, `resource_name`, `start_time`, `end_time`, `duration_minutes`, `quantity`, `unit`, `unit_price`, `currency`, `total_amount`, `vat_rate`, `vat_amount`, `grand_total`, `notes`, `is_invoiced`, `version`, `service_id`, `work_log_id`, `work_order_id` FROM `work_order_items`;
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
-- Create "price_lists" table
CREATE TABLE `price_lists` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `code` text NOT NULL,
  `version` integer NOT NULL DEFAULT (1),
  `name` text NOT NULL,
  `description` text NULL,
  `currency` text NOT NULL,
  `status` text NOT NULL DEFAULT ('DRAFT'),
  `valid_from` date NOT NULL,
  `valid_to` date NULL,
  `activated_at` datetime NULL,
  `revision` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `updated_by` integer NOT NULL,
  CONSTRAINT `price_lists_status_check` CHECK (status IN ('DRAFT', 'ACTIVE', 'PASSIVE')),
  CONSTRAINT `price_lists_valid_check` CHECK (valid_to > valid_from),
  CONSTRAINT `price_lists_version_check` CHECK (version > 0)
);
-- Create index "price_lists_code_version" to table: "price_lists"
CREATE UNIQUE INDEX `price_lists_code_version` ON `price_lists` (`code`, `version`);
-- Create index "price_lists_valid_from" to table: "price_lists"
CREATE INDEX `price_lists_valid_from` ON `price_lists` (`valid_from`, `id`);
-- Create index "price_lists_status" to table: "price_lists"
CREATE INDEX `price_lists_status` ON `price_lists` (`status`, `valid_from`, `id`);
-- Create index "price_lists_currency" to table: "price_lists"
CREATE INDEX `price_lists_currency` ON `price_lists` (`currency`, `valid_from`, `id`);
-- Create index "price_lists_active" to table: "price_lists"
CREATE INDEX `price_lists_active` ON `price_lists` (`status`, `currency`, `valid_from`, `id`);
-- Create index "price_lists_code" to table: "price_lists"
CREATE INDEX `price_lists_code` ON `price_lists` (`code`, `valid_from`, `id`);
-- Create "price_list_items" table
CREATE TABLE `price_list_items` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `min_quantity` numeric NOT NULL,
  `unit_price` numeric NOT NULL,
  `vat_rate` numeric NOT NULL,
  `description` text NULL,
  `sort_no` integer NOT NULL DEFAULT (0),
  `price_list_id` integer NOT NULL,
  `service_id` integer NOT NULL,
  CONSTRAINT `price_list_items_price_lists_items` FOREIGN KEY (`price_list_id`) REFERENCES `price_lists` (`id`) ON DELETE CASCADE,
  CONSTRAINT `price_list_items_services_price_list_items` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `price_list_items_min_quantity_check` CHECK (min_quantity >= 0),
  CONSTRAINT `price_list_items_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `price_list_items_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "price_list_items_tier" to table: "price_list_items"
CREATE UNIQUE INDEX `price_list_items_tier` ON `price_list_items` (`price_list_id`, `service_id`, `min_quantity`);
-- Create index "price_list_items_order" to table: "price_list_items"
CREATE INDEX `price_list_items_order` ON `price_list_items` (`price_list_id`, `sort_no`, `id`);
-- Create index "price_list_items_service_id" to table: "price_list_items"
CREATE INDEX `price_list_items_service_id` ON `price_list_items` (`service_id`);
-- Create "service_tariff_overrides" table
CREATE TABLE `service_tariff_overrides` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `valid_from` date NOT NULL,
  `valid_to` date NULL,
  `price` numeric NOT NULL,
  `currency` text NOT NULL,
  `vat_rate` numeric NULL,
  `note` text NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `updated_by` integer NOT NULL,
  `service_id` integer NOT NULL,
  CONSTRAINT `service_tariff_overrides_services_overrides` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `service_tariff_overrides_price_check` CHECK (price >= 0),
  CONSTRAINT `service_tariff_overrides_valid_check` CHECK (valid_to > valid_from),
  CONSTRAINT `service_tariff_overrides_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "service_tariff_overrides_service_id" to table: "service_tariff_overrides"
CREATE INDEX `service_tariff_overrides_service_id` ON `service_tariff_overrides` (`service_id`, `is_active`, `valid_from`, `id`);
-- Create "work_order_adjustments" table
CREATE TABLE `work_order_adjustments` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `kind` text NOT NULL,
  `vat_rate` numeric NOT NULL,
  `percent` numeric NOT NULL,
  `base` numeric NOT NULL,
  `amount` numeric NOT NULL,
  `source` text NOT NULL,
  `reason` text NULL,
  `created_at` datetime NOT NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_adjustments_work_orders_adjustments` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_adjustments_kind_check` CHECK (kind IN ('SURCHARGE_NIGHT', 'SURCHARGE_WEEKEND', 'SURCHARGE_URGENT', 'CABOTAGE')),
  CONSTRAINT `work_order_adjustments_source_check` CHECK (source IN ('DERIVED', 'MANUAL')),
  CONSTRAINT `work_order_adjustments_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "work_order_adjustments_work_order_id" to table: "work_order_adjustments"
CREATE UNIQUE INDEX `work_order_adjustments_work_order_id` ON `work_order_adjustments` (`work_order_id`, `kind`, `vat_rate`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
