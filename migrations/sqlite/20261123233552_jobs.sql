-- Create "job_runs" table
CREATE TABLE `job_runs` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `job` text NOT NULL,
  `scheduled_for` datetime NOT NULL,
  `slot` datetime NOT NULL,
  `trigger` text NOT NULL,
  `state` text NOT NULL,
  `attempts` integer NOT NULL DEFAULT (0),
  `max_attempts` integer NOT NULL,
  `started_at` datetime NULL,
  `finished_at` datetime NULL,
  `next_attempt_at` datetime NULL,
  `alive_at` datetime NULL,
  `server` text NULL,
  `rows` integer NULL,
  `error` text NULL,
  `log` text NOT NULL DEFAULT (''),
  `cancel_requested` bool NOT NULL DEFAULT (false),
  `requested_by` integer NULL,
  `requested_by_name` text NULL,
  `retry_of` integer NULL,
  `queue_id` integer NULL,
  CONSTRAINT `job_runs_attempts_check` CHECK (attempts >= 0),
  CONSTRAINT `job_runs_finished_at_check` CHECK (state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED') = (finished_at IS NOT NULL)),
  CONSTRAINT `job_runs_state_check` CHECK (state IN ('QUEUED', 'RUNNING', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED')),
  CONSTRAINT `job_runs_trigger_check` CHECK (trigger IN ('SCHEDULE', 'MANUAL', 'RETRY', 'EVENT'))
);
-- Create index "job_runs_job_scheduled_for" to table: "job_runs"
CREATE UNIQUE INDEX `job_runs_job_scheduled_for` ON `job_runs` (`job`, `scheduled_for`);
-- Create index "job_runs_running" to table: "job_runs"
CREATE UNIQUE INDEX `job_runs_running` ON `job_runs` (`job`) WHERE state = 'RUNNING';
-- Create index "job_runs_retry_of" to table: "job_runs"
CREATE UNIQUE INDEX `job_runs_retry_of` ON `job_runs` (`retry_of`) WHERE retry_of IS NOT NULL;
-- Create index "job_runs_open" to table: "job_runs"
CREATE INDEX `job_runs_open` ON `job_runs` (`next_attempt_at`) WHERE finished_at IS NULL;
-- Create index "job_runs_scheduled_for" to table: "job_runs"
CREATE INDEX `job_runs_scheduled_for` ON `job_runs` (`scheduled_for`, `id`);
-- Create index "job_runs_job_state" to table: "job_runs"
CREATE INDEX `job_runs_job_state` ON `job_runs` (`job`, `state`, `scheduled_for`, `id`);
-- Create index "job_runs_state" to table: "job_runs"
CREATE INDEX `job_runs_state` ON `job_runs` (`state`, `scheduled_for`, `id`);
-- Create index "job_runs_finished_at" to table: "job_runs"
CREATE INDEX `job_runs_finished_at` ON `job_runs` (`finished_at`);
-- Create "monthly_reports" table
CREATE TABLE `monthly_reports` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `month` text NOT NULL,
  `version` integer NOT NULL,
  `content` text NOT NULL,
  `sha256` text NOT NULL,
  `requested_by` integer NULL,
  `duration_ms` integer NOT NULL,
  `created_at` datetime NOT NULL,
  CONSTRAINT `monthly_reports_version_check` CHECK (version >= 1)
);
-- Create index "monthly_reports_month_version" to table: "monthly_reports"
CREATE UNIQUE INDEX `monthly_reports_month_version` ON `monthly_reports` (`month`, `version`);
