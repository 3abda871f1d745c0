-- Create "read_only_state" table
CREATE TABLE `read_only_state` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `since` datetime NOT NULL,
  `reason` text NOT NULL,
  `by_name` text NOT NULL,
  CONSTRAINT `read_only_state_id_check` CHECK (id = 1)
);
