-- Create "notifications" table
CREATE TABLE `notifications` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `kind` text NOT NULL,
  `created_at` datetime NOT NULL,
  `read_at` datetime NULL,
  `event_id` integer NOT NULL,
  `user_id` integer NOT NULL,
  CONSTRAINT `notifications_notification_events_notifications` FOREIGN KEY (`event_id`) REFERENCES `notification_events` (`id`) ON DELETE CASCADE,
  CONSTRAINT `notifications_users_notifications` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `notifications_kind_check` CHECK (kind IN ('WORK_ORDER_CREATED', 'WORK_ORDER_SUBMITTED', 'WORK_ORDER_APPROVED', 'WORK_ORDER_REJECTED', 'WORK_ORDER_STARTED', 'WORK_ORDER_COMPLETED', 'WORK_ORDER_INVOICED', 'WORK_ORDER_OVERDUE', 'TRIP_DELAYED', 'TRIP_NOT_DEPARTED', 'VEHICLE_OVER_4H', 'GATE_EXCEPTION', 'RATE_SYNC_FAILED', 'RATE_JUMP', 'PRICE_LIST_EXPIRING', 'BACKUP_FAILED', 'JOB_FAILED', 'MONTHLY_REPORT_READY'))
);
-- Create index "notifications_event_id" to table: "notifications"
CREATE UNIQUE INDEX `notifications_event_id` ON `notifications` (`event_id`, `user_id`);
-- Create index "notifications_user_id" to table: "notifications"
CREATE INDEX `notifications_user_id` ON `notifications` (`user_id`, `created_at`, `id`);
-- Create index "notifications_kind" to table: "notifications"
CREATE INDEX `notifications_kind` ON `notifications` (`user_id`, `kind`, `created_at`, `id`);
-- Create index "notifications_unread" to table: "notifications"
CREATE INDEX `notifications_unread` ON `notifications` (`user_id`, `created_at`, `id`) WHERE read_at IS NULL;
-- Create "notification_deliveries" table
CREATE TABLE `notification_deliveries` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `channel` text NOT NULL,
  `status` text NOT NULL DEFAULT ('PENDING'),
  `attempts` integer NOT NULL DEFAULT (0),
  `next_at` datetime NOT NULL,
  `last_error` text NULL,
  `created_at` datetime NOT NULL,
  `finished_at` datetime NULL,
  `event_id` integer NULL,
  `reset_id` integer NULL,
  `user_id` integer NULL,
  CONSTRAINT `notification_deliveries_notification_events_deliveries` FOREIGN KEY (`event_id`) REFERENCES `notification_events` (`id`) ON DELETE CASCADE,
  CONSTRAINT `notification_deliveries_password_resets_deliveries` FOREIGN KEY (`reset_id`) REFERENCES `password_resets` (`id`) ON DELETE CASCADE,
  CONSTRAINT `notification_deliveries_users_notification_deliveries` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE,
  CONSTRAINT `notification_deliveries_channel_check` CHECK (channel IN ('EMAIL', 'WEBHOOK')),
  CONSTRAINT `notification_deliveries_status_check` CHECK (status IN ('PENDING', 'SENT', 'FAILED')),
  CONSTRAINT `notification_deliveries_subject_check` CHECK (CASE WHEN event_id IS NULL THEN reset_id IS NOT NULL ELSE reset_id IS NULL END)
);
-- Create index "notification_deliveries_due" to table: "notification_deliveries"
CREATE INDEX `notification_deliveries_due` ON `notification_deliveries` (`channel`, `next_at`, `id`) WHERE status = 'PENDING';
-- Create index "notification_deliveries_status" to table: "notification_deliveries"
CREATE INDEX `notification_deliveries_status` ON `notification_deliveries` (`status`, `created_at`, `id`);
-- Create index "notification_deliveries_event_id" to table: "notification_deliveries"
CREATE INDEX `notification_deliveries_event_id` ON `notification_deliveries` (`event_id`);
-- Create index "notification_deliveries_reset_id" to table: "notification_deliveries"
CREATE INDEX `notification_deliveries_reset_id` ON `notification_deliveries` (`reset_id`);
-- Create index "notification_deliveries_user_id" to table: "notification_deliveries"
CREATE INDEX `notification_deliveries_user_id` ON `notification_deliveries` (`user_id`);
-- Create "notification_events" table
CREATE TABLE `notification_events` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `dedupe_key` text NOT NULL,
  `uid` text NOT NULL,
  `kind` text NOT NULL,
  `severity` text NOT NULL,
  `data` json NULL,
  `entity_type` text NULL,
  `entity_id` integer NULL,
  `created_at` datetime NOT NULL,
  `dispatched_at` datetime NULL,
  CONSTRAINT `notification_events_kind_check` CHECK (kind IN ('WORK_ORDER_CREATED', 'WORK_ORDER_SUBMITTED', 'WORK_ORDER_APPROVED', 'WORK_ORDER_REJECTED', 'WORK_ORDER_STARTED', 'WORK_ORDER_COMPLETED', 'WORK_ORDER_INVOICED', 'WORK_ORDER_OVERDUE', 'TRIP_DELAYED', 'TRIP_NOT_DEPARTED', 'VEHICLE_OVER_4H', 'GATE_EXCEPTION', 'RATE_SYNC_FAILED', 'RATE_JUMP', 'PRICE_LIST_EXPIRING', 'BACKUP_FAILED', 'JOB_FAILED', 'MONTHLY_REPORT_READY')),
  CONSTRAINT `notification_events_severity_check` CHECK (severity IN ('INFO', 'WARNING', 'CRITICAL'))
);
-- Create index "notification_events_dedupe_key" to table: "notification_events"
CREATE UNIQUE INDEX `notification_events_dedupe_key` ON `notification_events` (`dedupe_key`);
-- Create index "notification_events_created_at" to table: "notification_events"
CREATE INDEX `notification_events_created_at` ON `notification_events` (`created_at`);
-- Create index "notification_events_undispatched" to table: "notification_events"
CREATE INDEX `notification_events_undispatched` ON `notification_events` (`id`) WHERE dispatched_at IS NULL;
-- Create "password_resets" table
CREATE TABLE `password_resets` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `nonce` text NOT NULL,
  `token_hash` text NOT NULL,
  `created_at` datetime NOT NULL,
  `expires_at` datetime NOT NULL,
  `used_at` datetime NULL,
  `user_id` integer NULL,
  CONSTRAINT `password_resets_users_password_resets` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
);
-- Create index "password_resets_token_hash" to table: "password_resets"
CREATE UNIQUE INDEX `password_resets_token_hash` ON `password_resets` (`token_hash`);
-- Create index "password_resets_user_id" to table: "password_resets"
CREATE INDEX `password_resets_user_id` ON `password_resets` (`user_id`);
-- Create index "password_resets_expires_at" to table: "password_resets"
CREATE INDEX `password_resets_expires_at` ON `password_resets` (`expires_at`);
