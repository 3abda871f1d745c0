//go:build ignore

// Entc generates the storage layer from ent/schema.
package main

import (
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

func main() {
	cfg := &gen.Config{
		Features: []gen.Feature{
			gen.FeatureVersionedMigration, // migrate.NamedDiff, for `make migration`
			gen.FeatureExecQuery,          // raw SQL inside the same transaction (number sequences)
			gen.FeatureModifier,           // keyset predicates and aggregates
			gen.FeatureUpsert,             // reference data, idempotency keys
			gen.FeatureLock,               // SELECT … FOR UPDATE on PostgreSQL
		},
	}
	if err := entc.Generate("./schema", cfg, entc.TemplateDir("./template")); err != nil {
		log.Fatal(err)
	}
}
