-- Create "audit_archives" table
CREATE TABLE `audit_archives` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `position` integer NOT NULL,
  `month` text NOT NULL,
  `part` integer NOT NULL,
  `rows` integer NOT NULL,
  `first_event_id` integer NOT NULL,
  `last_event_id` integer NOT NULL,
  `first_event_at` datetime NOT NULL,
  `last_event_at` datetime NOT NULL,
  `sha256` text NOT NULL,
  `file_name` text NOT NULL,
  `file_bytes` integer NOT NULL,
  `file_sha256` text NOT NULL,
  `previous_seal` text NOT NULL,
  `seal` text NOT NULL,
  `sealed_at` datetime NOT NULL,
  `removed_at` datetime NULL,
  `verified_at` datetime NULL,
  `fault` text NULL
);
-- Create index "audit_archives_position" to table: "audit_archives"
CREATE UNIQUE INDEX `audit_archives_position` ON `audit_archives` (`position`);
-- Create index "audit_archives_month_part" to table: "audit_archives"
CREATE UNIQUE INDEX `audit_archives_month_part` ON `audit_archives` (`month`, `part`);
