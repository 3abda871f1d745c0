-- Create index "work_orders_uninvoiced" to table: "work_orders"
CREATE INDEX `work_orders_uninvoiced` ON `work_orders` (`actual_end`, `id`) WHERE is_active AND status = 'COMPLETED';
-- Create index "work_orders_uninvoiced_cari" to table: "work_orders"
CREATE INDEX `work_orders_uninvoiced_cari` ON `work_orders` (`cari_id`, `actual_end`, `id`) WHERE is_active AND status = 'COMPLETED';
