-- Modify "trips" table
ALTER TABLE "trips" ADD COLUMN "rate_kind" character varying NULL;
-- Modify "work_order_items" table
ALTER TABLE "work_order_items" DROP CONSTRAINT "work_order_items_price_source_check", ADD CONSTRAINT "work_order_items_price_source_check" CHECK (price_source = ANY (ARRAY['OVERRIDE'::text, 'PRICE_LIST'::text, 'SERVICE'::text, 'PARAMETER'::text, 'MANUAL'::text]));
