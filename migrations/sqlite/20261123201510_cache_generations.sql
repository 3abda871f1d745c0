-- Create "cache_generations" table
CREATE TABLE `cache_generations` (
  `id` integer NOT NULL PRIMARY KEY AUTOINCREMENT,
  `table_name` text NOT NULL,
  `generation` integer NOT NULL
);
-- Create index "cache_generations_table_name_key" to table: "cache_generations"
CREATE UNIQUE INDEX `cache_generations_table_name_key` ON `cache_generations` (`table_name`);
-- Every change to these tables gives them another generation.
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('parameters', random());
CREATE TRIGGER `parameters_inserted_generation` AFTER INSERT ON `parameters` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'parameters'; END;
CREATE TRIGGER `parameters_updated_generation` AFTER UPDATE ON `parameters` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'parameters'; END;
CREATE TRIGGER `parameters_deleted_generation` AFTER DELETE ON `parameters` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'parameters'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('exchange_rates', random());
CREATE TRIGGER `exchange_rates_inserted_generation` AFTER INSERT ON `exchange_rates` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'exchange_rates'; END;
CREATE TRIGGER `exchange_rates_updated_generation` AFTER UPDATE ON `exchange_rates` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'exchange_rates'; END;
CREATE TRIGGER `exchange_rates_deleted_generation` AFTER DELETE ON `exchange_rates` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'exchange_rates'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('price_lists', random());
CREATE TRIGGER `price_lists_inserted_generation` AFTER INSERT ON `price_lists` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'price_lists'; END;
CREATE TRIGGER `price_lists_updated_generation` AFTER UPDATE ON `price_lists` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'price_lists'; END;
CREATE TRIGGER `price_lists_deleted_generation` AFTER DELETE ON `price_lists` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'price_lists'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('services', random());
CREATE TRIGGER `services_inserted_generation` AFTER INSERT ON `services` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'services'; END;
CREATE TRIGGER `services_updated_generation` AFTER UPDATE ON `services` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'services'; END;
CREATE TRIGGER `services_deleted_generation` AFTER DELETE ON `services` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'services'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('cari', random());
CREATE TRIGGER `cari_inserted_generation` AFTER INSERT ON `cari` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'cari'; END;
CREATE TRIGGER `cari_updated_generation` AFTER UPDATE ON `cari` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'cari'; END;
CREATE TRIGGER `cari_deleted_generation` AFTER DELETE ON `cari` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'cari'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('roles', random());
CREATE TRIGGER `roles_inserted_generation` AFTER INSERT ON `roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'roles'; END;
CREATE TRIGGER `roles_updated_generation` AFTER UPDATE ON `roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'roles'; END;
CREATE TRIGGER `roles_deleted_generation` AFTER DELETE ON `roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'roles'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('permissions', random());
CREATE TRIGGER `permissions_inserted_generation` AFTER INSERT ON `permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'permissions'; END;
CREATE TRIGGER `permissions_updated_generation` AFTER UPDATE ON `permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'permissions'; END;
CREATE TRIGGER `permissions_deleted_generation` AFTER DELETE ON `permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'permissions'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('user_roles', random());
CREATE TRIGGER `user_roles_inserted_generation` AFTER INSERT ON `user_roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'user_roles'; END;
CREATE TRIGGER `user_roles_updated_generation` AFTER UPDATE ON `user_roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'user_roles'; END;
CREATE TRIGGER `user_roles_deleted_generation` AFTER DELETE ON `user_roles` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'user_roles'; END;
INSERT INTO `cache_generations` (`table_name`, `generation`) VALUES ('role_permissions', random());
CREATE TRIGGER `role_permissions_inserted_generation` AFTER INSERT ON `role_permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'role_permissions'; END;
CREATE TRIGGER `role_permissions_updated_generation` AFTER UPDATE ON `role_permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'role_permissions'; END;
CREATE TRIGGER `role_permissions_deleted_generation` AFTER DELETE ON `role_permissions` BEGIN UPDATE `cache_generations` SET `generation` = random() WHERE `table_name` = 'role_permissions'; END;
