-- Modify "work_orders" table
ALTER TABLE "work_orders" ADD COLUMN "net_total_try" numeric(15,4) NULL, ADD COLUMN "grand_total_try" numeric(15,4) NULL;
-- What is in TRY is worth itself; orders in other currencies get a value when they are next added up.
UPDATE work_order_items SET amount_try = total_amount WHERE currency = 'TRY' AND amount_try IS NULL;
UPDATE work_orders SET net_total_try = net_total, grand_total_try = grand_total WHERE currency = 'TRY';
