package loader_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/graph/loader"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// fifty customers.
func fifty(tb testing.TB, db *store.DB) (ids []int64) {
	tb.Helper()
	err := db.InTx(tb.Context(), func(tx *ent.Tx) error {
		for i := range 50 {
			c, err := tx.Cari.Create().SetCariCode(fmt.Sprintf("C-%d", i)).SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
				SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).Save(tb.Context())
			if err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return ids
}

// BenchmarkCari is what a request costs that asks for fifty customers: each alone, as
// the fields of a list do, or all ahead.
func BenchmarkCari(b *testing.B) {
	for _, name := range []string{dialect.SQLite, dialect.Postgres} {
		db := aliatest.Open(b, name)
		ids := fifty(b, db)
		for way, run := range map[string]func(ctx context.Context, s *loader.Set) error{
			"each": func(ctx context.Context, s *loader.Set) error {
				_, err := loadAll(ctx, s.Cari, ids...)
				return err
			},
			"ahead": func(ctx context.Context, s *loader.Set) error {
				_, err := s.Cari.Prime(ctx, ids)
				return err
			},
		} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					ctx, cancel := context.WithCancel(b.Context())
					set := loader.New(ctx, db, loader.Options{Wait: time.Hour, Capacity: len(ids)})
					if err := run(ctx, set); err != nil {
						b.Fatal(err)
					}
					cancel()
				}
			})
		}
	}
}

func BenchmarkNewSet(b *testing.B) {
	db := aliatest.Open(b, dialect.SQLite)
	b.ReportAllocs()
	for b.Loop() {
		loader.New(b.Context(), db, loader.Options{Wait: time.Millisecond, Capacity: 200})
	}
}

func TestTheLoadersOfARequestCostFewAllocations(t *testing.T) {
	db := aliatest.Open(t, dialect.SQLite)
	aliatest.AllocsAtMost(t, 400, "the loaders of a request", func() {
		loader.New(t.Context(), db, loader.Options{Wait: time.Millisecond, Capacity: 200})
	})
}
