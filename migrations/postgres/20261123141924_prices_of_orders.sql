-- Modify "work_orders" table
ALTER TABLE "work_orders" ADD COLUMN "surcharge_choice" jsonb NULL, ADD COLUMN "price_list_id" bigint NULL, ADD
CONSTRAINT "work_orders_price_lists_work_orders" FOREIGN KEY ("price_list_id") REFERENCES "price_lists" ("id") ON UPDATE NO ACTION ON DELETE RESTRICT;
-- Create index "work_orders_price_list_id" to table: "work_orders"
CREATE INDEX "work_orders_price_list_id" ON "work_orders" ("price_list_id");
