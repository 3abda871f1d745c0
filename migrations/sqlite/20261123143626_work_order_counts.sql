-- Create "work_order_counts" table
CREATE TABLE `work_order_counts` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `status` text NOT NULL,
  `n` integer NOT NULL,
  CONSTRAINT `work_order_counts_status_check` CHECK (status IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'IN_PROGRESS', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED'))
);
-- Triggers keep the counts. There is one row for each status from the beginning on.
CREATE TRIGGER `work_orders_added` AFTER INSERT ON `work_orders` WHEN NEW.is_active BEGIN
  UPDATE work_order_counts SET n = n + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER `work_orders_removed` AFTER DELETE ON `work_orders` WHEN OLD.is_active BEGIN
  UPDATE work_order_counts SET n = n - 1 WHERE status = OLD.status;
END;
CREATE TRIGGER `work_orders_moved` AFTER UPDATE OF status, is_active ON `work_orders` WHEN OLD.status <> NEW.status OR OLD.is_active <> NEW.is_active BEGIN
  UPDATE work_order_counts SET n = n - 1 WHERE OLD.is_active AND status = OLD.status;
  UPDATE work_order_counts SET n = n + 1 WHERE NEW.is_active AND status = NEW.status;
END;
-- What is there already.
INSERT INTO `work_order_counts` (`status`, `n`) SELECT column1, (SELECT count(*) FROM `work_orders` WHERE `is_active` = true AND `status` = column1)
  FROM (VALUES ('DRAFT'), ('SUBMITTED'), ('APPROVED'), ('IN_PROGRESS'), ('COMPLETED'), ('INVOICED'), ('CLOSED'), ('REJECTED'), ('CANCELLED'));
