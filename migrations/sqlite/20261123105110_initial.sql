-- Create "audit_events" table
CREATE TABLE `audit_events` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `user_id` integer NULL,
  `roles` text NOT NULL,
  `method` text NOT NULL,
  `path` text NOT NULL,
  `action` text NOT NULL,
  `resource` text NOT NULL,
  `entity_id` text NULL,
  `outcome` text NOT NULL,
  `status_code` integer NOT NULL,
  `duration_ms` integer NOT NULL,
  `request_id` text NOT NULL,
  `ip` text NULL,
  `user_agent` text NULL,
  `changes` json NULL,
  `extra` json NULL,
  `created_at` datetime NOT NULL,
  CONSTRAINT `audit_events_outcome_check` CHECK (outcome IN ('OK', 'DENIED', 'FAILED'))
);
-- Create index "audit_events_created_at" to table: "audit_events"
CREATE INDEX `audit_events_created_at` ON `audit_events` (`created_at`, `id`);
-- Create index "audit_events_user_id" to table: "audit_events"
CREATE INDEX `audit_events_user_id` ON `audit_events` (`user_id`, `created_at`, `id`);
-- Create index "audit_events_path" to table: "audit_events"
CREATE INDEX `audit_events_path` ON `audit_events` (`path`, `created_at`, `id`);
-- Create "cari" table
CREATE TABLE `cari` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `cari_code` text NOT NULL,
  `title` text NOT NULL,
  `title_fold` text NOT NULL,
  `search_text` text NOT NULL,
  `type` text NOT NULL,
  `role` text NOT NULL,
  `tax_office` text NULL,
  `tax_number` text NULL,
  `national_id` text NULL,
  `country` text NOT NULL DEFAULT ('TR'),
  `city` text NULL,
  `district` text NULL,
  `address` text NULL,
  `phone` text NULL,
  `email` text NULL,
  `contact_person` text NULL,
  `iban` text NULL,
  `payment_term_days` integer NOT NULL DEFAULT (30),
  `currency` text NOT NULL DEFAULT ('TRY'),
  `notes` text NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  CONSTRAINT `cari_payment_term_days_check` CHECK (payment_term_days BETWEEN 0 AND 365),
  CONSTRAINT `cari_role_check` CHECK (role IN ('CUSTOMER', 'SUPPLIER', 'BOTH', 'OTHER')),
  CONSTRAINT `cari_type_check` CHECK (type IN ('NATURAL', 'LEGAL'))
);
-- Create index "cari_cari_code" to table: "cari"
CREATE UNIQUE INDEX `cari_cari_code` ON `cari` (`cari_code`);
-- Create index "cari_title" to table: "cari"
CREATE INDEX `cari_title` ON `cari` (`title_fold`, `id`);
-- Create index "cari_active_title" to table: "cari"
CREATE INDEX `cari_active_title` ON `cari` (`is_active`, `title_fold`, `id`);
-- Create index "cari_created_at" to table: "cari"
CREATE INDEX `cari_created_at` ON `cari` (`created_at`, `id`);
-- Create "idempotency_keys" table
CREATE TABLE `idempotency_keys` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `user_id` integer NOT NULL,
  `key` text NOT NULL,
  `operation` text NOT NULL,
  `input_hash` text NOT NULL,
  `entity_id` integer NOT NULL,
  `created_at` datetime NOT NULL
);
-- Create index "idempotency_keys_user_key" to table: "idempotency_keys"
CREATE UNIQUE INDEX `idempotency_keys_user_key` ON `idempotency_keys` (`user_id`, `key`);
-- Create index "idempotency_keys_created_at" to table: "idempotency_keys"
CREATE INDEX `idempotency_keys_created_at` ON `idempotency_keys` (`created_at`);
-- Create "number_sequences" table
CREATE TABLE `number_sequences` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `kind` text NOT NULL,
  `year` integer NOT NULL,
  `last` integer NOT NULL
);
-- Create index "number_sequences_kind_year" to table: "number_sequences"
CREATE UNIQUE INDEX `number_sequences_kind_year` ON `number_sequences` (`kind`, `year`);
-- Create "permissions" table
CREATE TABLE `permissions` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `name` text NOT NULL
);
-- Create index "permissions_name" to table: "permissions"
CREATE UNIQUE INDEX `permissions_name` ON `permissions` (`name`);
-- Create "refresh_tokens" table
CREATE TABLE `refresh_tokens` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `family` text NOT NULL,
  `token_hash` text NOT NULL,
  `created_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `used_at` datetime NULL,
  `revoked_at` datetime NULL,
  `ip` text NULL,
  `user_agent` text NULL,
  `user_id` integer NOT NULL,
  CONSTRAINT `refresh_tokens_users_refresh_tokens` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "refresh_tokens_token_hash" to table: "refresh_tokens"
CREATE UNIQUE INDEX `refresh_tokens_token_hash` ON `refresh_tokens` (`token_hash`);
-- Create index "refresh_tokens_user_id" to table: "refresh_tokens"
CREATE INDEX `refresh_tokens_user_id` ON `refresh_tokens` (`user_id`);
-- Create index "refresh_tokens_family" to table: "refresh_tokens"
CREATE INDEX `refresh_tokens_family` ON `refresh_tokens` (`family`);
-- Create "roles" table
CREATE TABLE `roles` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `name` text NOT NULL,
  `is_system` bool NOT NULL DEFAULT (false)
);
-- Create index "roles_name" to table: "roles"
CREATE UNIQUE INDEX `roles_name` ON `roles` (`name`);
-- Create "services" table
CREATE TABLE `services` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `code` text NOT NULL,
  `name` text NOT NULL,
  `name_fold` text NOT NULL,
  `search_text` text NOT NULL,
  `description` text NULL,
  `accounting_code` text NULL,
  `group_code` text NULL,
  `unit` text NOT NULL,
  `base_price` numeric NOT NULL,
  `currency` text NOT NULL DEFAULT ('TRY'),
  `vat_rate` numeric NOT NULL,
  `calculation_type` text NOT NULL DEFAULT ('FIXED'),
  `formula_params` json NULL,
  `requires_person_count` bool NOT NULL DEFAULT (false),
  `requires_vehicle_info` bool NOT NULL DEFAULT (false),
  `requires_weight_info` bool NOT NULL DEFAULT (false),
  `sort_no` integer NOT NULL DEFAULT (0),
  `is_active` bool NOT NULL DEFAULT (true),
  `version` integer NOT NULL DEFAULT (1),
  CONSTRAINT `services_base_price_check` CHECK (base_price >= 0),
  CONSTRAINT `services_calculation_type_check` CHECK (calculation_type IN ('FIXED', 'PER_UNIT', 'X_SECONDARY', 'PER_BLOCK', 'BASE_PLUS_INCREMENT', 'VEHICLE_4H_RULE')),
  CONSTRAINT `services_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "services_code" to table: "services"
CREATE UNIQUE INDEX `services_code` ON `services` (`code`);
-- Create index "services_name" to table: "services"
CREATE INDEX `services_name` ON `services` (`name_fold`, `id`);
-- Create index "services_active_name" to table: "services"
CREATE INDEX `services_active_name` ON `services` (`is_active`, `name_fold`, `id`);
-- Create index "services_group_name" to table: "services"
CREATE INDEX `services_group_name` ON `services` (`group_code`, `name_fold`, `id`);
-- Create "users" table
CREATE TABLE `users` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `email` text NOT NULL,
  `full_name` text NOT NULL,
  `password_hash` text NOT NULL,
  `is_active` bool NOT NULL DEFAULT (true),
  `last_login_at` datetime NULL,
  `failed_logins` integer NOT NULL DEFAULT (0),
  `locked_until` datetime NULL,
  `version` integer NOT NULL DEFAULT (1)
);
-- Create index "users_email" to table: "users"
CREATE UNIQUE INDEX `users_email` ON `users` (`email`);
-- Create "work_orders" table
CREATE TABLE `work_orders` (
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
  `gate_required` bool NOT NULL DEFAULT (false),
  `field_log_allowed` bool NOT NULL DEFAULT (true),
  `is_cabotage` bool NOT NULL DEFAULT (false),
  `apply_rule_addons` bool NOT NULL DEFAULT (true),
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
  `requester_id` integer NOT NULL,
  CONSTRAINT `work_orders_cari_work_orders` FOREIGN KEY (`cari_id`) REFERENCES `cari` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_orders_users_requested_work_orders` FOREIGN KEY (`requester_id`) REFERENCES `users` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_orders_planned_check` CHECK (planned_end > planned_start),
  CONSTRAINT `work_orders_priority_check` CHECK (priority IN ('LOW', 'MEDIUM', 'HIGH', 'URGENT')),
  CONSTRAINT `work_orders_status_check` CHECK (status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED')),
  CONSTRAINT `work_orders_type_check` CHECK (type IN ('SERVICE', 'MOTORBOT', 'BERTHING', 'OTHER'))
);
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
-- Create "work_order_items" table
CREATE TABLE `work_order_items` (
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
  `service_id` integer NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_items_services_work_order_items` FOREIGN KEY (`service_id`) REFERENCES `services` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_items_work_orders_items` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_items_item_type_check` CHECK (item_type IN ('WORKLOG', 'RESOURCE', 'SERVICE')),
  CONSTRAINT `work_order_items_quantity_check` CHECK (quantity > 0),
  CONSTRAINT `work_order_items_time_check` CHECK (end_time > start_time),
  CONSTRAINT `work_order_items_unit_price_check` CHECK (unit_price >= 0),
  CONSTRAINT `work_order_items_vat_rate_check` CHECK (vat_rate BETWEEN 0 AND 100)
);
-- Create index "work_order_items_work_order_id" to table: "work_order_items"
CREATE UNIQUE INDEX `work_order_items_work_order_id` ON `work_order_items` (`work_order_id`, `sequence`);
-- Create index "work_order_items_service_id" to table: "work_order_items"
CREATE INDEX `work_order_items_service_id` ON `work_order_items` (`service_id`);
-- Create "work_order_status_history" table
CREATE TABLE `work_order_status_history` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `from_status` text NULL,
  `to_status` text NOT NULL,
  `user_name` text NOT NULL,
  `note` text NULL,
  `created_at` datetime NOT NULL,
  `user_id` integer NOT NULL,
  `work_order_id` integer NOT NULL,
  CONSTRAINT `work_order_status_history_users_work_order_steps` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE RESTRICT,
  CONSTRAINT `work_order_status_history_work_orders_history` FOREIGN KEY (`work_order_id`) REFERENCES `work_orders` (`id`) ON DELETE CASCADE,
  CONSTRAINT `work_order_status_history_from_status_check` CHECK (from_status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED')),
  CONSTRAINT `work_order_status_history_to_status_check` CHECK (to_status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED'))
);
-- Create index "work_order_status_history_work_order_id" to table: "work_order_status_history"
CREATE INDEX `work_order_status_history_work_order_id` ON `work_order_status_history` (`work_order_id`, `id`);
-- Create index "work_order_status_history_user_id" to table: "work_order_status_history"
CREATE INDEX `work_order_status_history_user_id` ON `work_order_status_history` (`user_id`);
-- Create "role_permissions" table
CREATE TABLE `role_permissions` (
  `role_id` integer NOT NULL,
  `permission_id` integer NOT NULL,
  PRIMARY KEY (`role_id`, `permission_id`),
  CONSTRAINT `role_permissions_role_id` FOREIGN KEY (`role_id`) REFERENCES `roles` (`id`) ON DELETE CASCADE,
  CONSTRAINT `role_permissions_permission_id` FOREIGN KEY (`permission_id`) REFERENCES `permissions` (`id`) ON DELETE CASCADE
);
-- Create index "role_permissions_permission_id" to table: "role_permissions"
CREATE INDEX `role_permissions_permission_id` ON `role_permissions` (`permission_id`);
-- Create "user_roles" table
CREATE TABLE `user_roles` (
  `user_id` integer NOT NULL,
  `role_id` integer NOT NULL,
  PRIMARY KEY (`user_id`, `role_id`),
  CONSTRAINT `user_roles_user_id` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `user_roles_role_id` FOREIGN KEY (`role_id`) REFERENCES `roles` (`id`) ON DELETE CASCADE
);
-- Create index "user_roles_role_id" to table: "user_roles"
CREATE INDEX `user_roles_role_id` ON `user_roles` (`role_id`);
