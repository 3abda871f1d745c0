package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// BenchmarkStatements shows what the cache of prepared statements is worth.
func BenchmarkStatements(b *testing.B) {
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		url := aliatest.MigratedURL(b, dialectName)
		for name, cache := range map[string]int{"plain": -1, "cached": 0} {
			db, err := store.Open(b.Context(), url, store.Options{StatementCache: cache})
			if err != nil {
				b.Fatal(err)
			}
			if name == "plain" || db.Service.Query().CountX(b.Context()) == 0 {
				if _, err := db.BulkInsert(b.Context(), "services", bulkColumns, manyRows(1000, time.Now(), nil)); err != nil && store.Classify(err).Kind != store.Unique {
					b.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour) // as a request's
			first := db.Service.Query().Order(service.ByID()).FirstIDX(ctx)
			for what, run := range map[string]func(){
				"one":  func() { db.Service.Query().Where(service.ID(first)).OnlyX(ctx) },
				"page": func() { db.Service.Query().Where(service.IDGTE(first)).Order(service.ByID()).Limit(50).AllX(ctx) },
				"transaction": func() {
					err := db.InTx(ctx, func(tx *ent.Tx) error {
						for range 4 {
							if err := tx.Service.UpdateOneID(first).AddSortNo(1).Exec(ctx); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				},
			} {
				b.Run(fmt.Sprintf("%s/%s/%s", dialectName, what, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						run()
					}
				})
			}
			cancel()
			if err := db.Close(); err != nil {
				b.Error(err)
			}
		}
	}
}

func BenchmarkBulkInsert(b *testing.B) {
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		b.Run(dialectName, func(b *testing.B) {
			db := aliatest.Open(b, dialectName)
			for b.Loop() {
				if _, err := db.BulkInsert(b.Context(), "services", bulkColumns, manyRows(20_000, time.Now(), nil)); err != nil {
					b.Fatal(err)
				}
				db.Service.Delete().ExecX(b.Context())
			}
		})
	}
}
