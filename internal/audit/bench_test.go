package audit

import (
	"context"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
)

// changed is the line of an ordinary change, and who makes it.
func changed(ctx context.Context) (context.Context, Event) {
	ctx = actor.With(ctx, actor.New(1, "", "Deniz", []string{actor.RoleOperations}, nil))
	ctx = actor.WithRequest(ctx, &actor.Request{ID: "0198c5b0-1111-7000-8000-000000000000", Method: "GRAPHQL", Path: "/graphql#UpdateCari", IP: "10.20.1.17"})
	return ctx, Event{Action: Update, Resource: Cari, EntityID: 17, Changes: Changes{
		"title": {"Kuzey Liman", "Kuzey Liman A.Ş."}, "iban": {"TR330006100519786457841326", "TR330006100519786457841327"}, "version": {1, 2},
	}}
}

// BenchmarkRecord writes lines of the trail, a hundred in a transaction, so that the
// disk's own time does not hide theirs.
func BenchmarkRecord(b *testing.B) {
	for _, name := range []string{dialect.SQLite, dialect.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := aliatest.Open(b, name)
			ctx, e := changed(b.Context())
			now := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
			b.ReportAllocs()
			left := 0
			for b.Loop() {
				if left++; left%100 != 0 {
					continue
				}
				err := db.InTx(ctx, func(tx *ent.Tx) error {
					for range 100 {
						if err := Record(ctx, tx, now, e); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFill is what a line costs before the database sees it.
func BenchmarkFill(b *testing.B) {
	ctx, e := changed(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.fill(ctx, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestALineOfTheTrailCostsFewAllocations(t *testing.T) {
	ctx, e := changed(t.Context())
	aliatest.AllocsAtMost(t, 22, "a line of the trail", func() {
		if _, err := e.fill(ctx, time.Time{}); err != nil {
			t.Fatal(err)
		}
	})
}
