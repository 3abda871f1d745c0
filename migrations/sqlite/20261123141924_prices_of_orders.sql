-- Disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- Create "new_work_orders" table
CREATE TABLE `new_work_orders` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `wo_number` text NOT NULL,
  `cari_code` text NOT NULL,
  `cari_title` text NOT NULL,
  `requester_name` text NOT NULL,
  `type` text NOT NULL,
  `service_code` text NULL,
  `action` text NULL,
  `subject` text NOT NULL,
  `description` text NULL,
  `search_text` text NOT NULL,
  `priority` text NOT NULL DEFAULT ('MEDIUM'),
  `status` text NOT NULL DEFAULT ('DRAFT'),
  `planned_start` datetime NULL,
  `planned_end` datetime NULL,
  `actual_start` datetime NULL,
  `actual_end` datetime NULL,
  `completion_note` text NULL,
  `approved_by` integer NULL,
  `approved_at` datetime NULL,
  `rejected_by` integer NULL,
  `rejected_at` datetime NULL,
  `rejection_reason` text NULL,
  `invoiced_at` datetime NULL,
  `invoice_no` text NULL,
  `closed_at` datetime NULL,
  `security_exit_at` datetime NULL,
  `gate_required` bool NOT NULL DEFAULT (false),
  `field_log_allowed` bool NOT NULL DEFAULT (true),
  `is_cabotage` bool NOT NULL DEFAULT (false),
  `apply_rule_addons` bool NOT NULL DEFAULT (true),
  `surcharge_choice` json NULL,
  `notes` text NULL,
  `currency` text NOT NULL DEFAULT ('TRY'),
  `net_total` numeric NOT NULL,
  `vat_total` numeric NOT NULL,
  `grand_total` numeric NOT NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  `created_by` integer NOT NULL,
  `updated_by` integer NOT NULL,
  `cari_id` integer NOT NULL,
  `price_list_id` integer NULL,
  `requester_id` integer NOT NULL,
  CONSTRAINT `work_orders_cari_work_orders` FOREIGN KEY (`cari_id`) REFERENCES `cari` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_orders_price_lists_work_orders` FOREIGN KEY (`price_list_id`) REFERENCES `price_lists` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_orders_users_requested_work_orders` FOREIGN KEY (`requester_id`) REFERENCES `users` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_orders_planned_check` CHECK (planned_end > planned_start),
  CONSTRAINT `work_orders_priority_check` CHECK (priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')),
  CONSTRAINT `work_orders_status_check` CHECK (status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED')),
  CONSTRAINT `work_orders_type_check` CHECK (type IN ('SERVICE', 'MOTORBOT', 'BERTHING', 'OTHER'))
);
-- Copy rows from old table "work_orders" to new temporary table "new_work_orders"
INSERT INTO `new_work_orders` (`id`, `created_at`, `updated_at`, `wo_number`, `cari_code`, `cari_title`, `requester_name`, `type`, `service_code`, `action`, `subject`, `description`, `search_text`, `priority`, `status`, `planned_start`, `planned_end`, `actual_start`, `actual_end`, `completion_note`, `approved_by`, `approved_at`, `rejected_by`, `rejected_at`, `rejection_reason`, `invoiced_at`, `invoice_no`, `closed_at`, `security_exit_at`, `gate_required`, `field_log_allowed`, `is_cabotage`, `apply_rule_addons`, `notes`, `currency`, `net_total`, `vat_total`, `grand_total`, `is_active`, `version`, `created_by`, `updated_by`, `cari_id`, `requester_id`) SELECT `id`, `created_at`, `updated_at`, `wo_number`, `cari_code`, `cari_title`, `requester_name`, `type`, `service_code`, `action`, `subject`, `description`, `search_text`, `priority`, `status`, `planned_start`, `planned_end`, `actual_start`, `actual_end`, `completion_note`, `approved_by`, `approved_at`, `rejected_by`, `rejected_at`, `rejection_reason`, `invoiced_at`, `invoice_no`, `closed_at`, `security_exit_at`, `gate_required`, `field_log_allowed`, `is_cabotage`, `apply_rule_addons`, `notes`, `currency`, `net_total`, `vat_total`, `grand_total`, `is_active`, `version`, `created_by`, `updated_by`, `cari_id`, `requester_id` FROM `work_orders`;
-- Drop "work_orders" table after copying rows
DROP TABLE `work_orders`;
-- Rename temporary table "new_work_orders" to "work_orders"
ALTER TABLE `new_work_orders` RENAME TO `work_orders`;
-- Create index "work_orders_wo_number" to table: "work_orders"
CREATE UNIQUE INDEX `work_orders_wo_number` ON `work_orders` (`wo_number`);
-- Create index "work_orders_created" to table: "work_orders"
CREATE INDEX `work_orders_created` ON `work_orders` (`is_active`, `created_at`, `id`);
-- Create index "work_orders_status" to table: "work_orders"
CREATE INDEX `work_orders_status` ON `work_orders` (`status`, `is_active`, `created_at`, `id`);
-- Create index "work_orders_status_planned" to table: "work_orders"
CREATE INDEX `work_orders_status_planned` ON `work_orders` (`status`, `is_active`, `planned_start`, `id`);
-- Create index "work_orders_planned" to table: "work_orders"
CREATE INDEX `work_orders_planned` ON `work_orders` (`is_active`, `planned_start`, `id`);
-- Create index "work_orders_cari_code" to table: "work_orders"
CREATE INDEX `work_orders_cari_code` ON `work_orders` (`cari_code`, `is_active`, `created_at`, `id`);
-- Create index "work_orders_cari_code_status" to table: "work_orders"
CREATE INDEX `work_orders_cari_code_status` ON `work_orders` (`cari_code`, `status`, `is_active`, `created_at`, `id`);
-- Create index "work_orders_status_type" to table: "work_orders"
CREATE INDEX `work_orders_status_type` ON `work_orders` (`status`, `type`, `is_active`, `created_at`, `id`);
-- Create index "work_orders_status_priority" to table: "work_orders"
CREATE INDEX `work_orders_status_priority` ON `work_orders` (`status`, `priority`, `is_active`, `created_at`, `id`);
-- Create index "work_orders_overdue" to table: "work_orders"
CREATE INDEX `work_orders_overdue` ON `work_orders` (`planned_end`, `id`) WHERE is_active AND status IN ('SUBMITTED', 'APPROVED', 'IN_PROGRESS');
-- Create index "work_orders_cari_id" to table: "work_orders"
CREATE INDEX `work_orders_cari_id` ON `work_orders` (`cari_id`);
-- Create index "work_orders_requester_id" to table: "work_orders"
CREATE INDEX `work_orders_requester_id` ON `work_orders` (`requester_id`);
-- Create index "work_orders_price_list_id" to table: "work_orders"
CREATE INDEX `work_orders_price_list_id` ON `work_orders` (`price_list_id`);
-- Enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;
