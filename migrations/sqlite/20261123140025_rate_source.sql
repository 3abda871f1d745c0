-- Create index "exchange_rates_source" to table: "exchange_rates"
CREATE INDEX `exchange_rates_source` ON `exchange_rates` (`source`, `bulletin_date`, `id`);
