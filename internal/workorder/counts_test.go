package workorder_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	entworkorder "aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
	"aliaport/migrations"
)

// counted fails unless the kept counts are those that counting finds.
func counted(t *testing.T, db *store.DB, after string) {
	t.Helper()
	wrong, err := workorder.Miscounts(t.Context(), db.Reader())
	if err != nil || len(wrong) > 0 {
		t.Fatalf("%s: %v (%v)", after, wrong, err)
	}
}

// counts reads them as the dashboard does.
func counts(t *testing.T, db *store.DB) map[entworkorder.Status]int {
	t.Helper()
	list, err := (&workorder.Service{DB: db}).Counts(actor.With(t.Context(), actor.System("test")))
	if err != nil || len(list) != len(statuses) {
		t.Fatalf("%d statuses (%v)", len(list), err)
	}
	m := map[entworkorder.Status]int{}
	for i, c := range list {
		if c.Status != statuses[i] {
			t.Errorf("%s comes %d.", c.Status, i)
		}
		m[c.Status] = c.Count
	}
	return m
}

func TestCountsFollowEveryKindOfChange(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		ctx := t.Context()
		exec := func(statement string, args ...any) {
			t.Helper()
			if _, err := db.Writer().ExecContext(ctx, statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		want := func(after string, want map[entworkorder.Status]int) {
			t.Helper()
			counted(t, db, after)
			for status, n := range counts(t, db) {
				if n != want[status] {
					t.Errorf("%s: %d are %s, want %d", after, n, status, want[status])
				}
			}
		}
		want("nothing", nil)
		one, two := o.order("DRAFT"), o.order("DRAFT")
		want("two were made", map[entworkorder.Status]int{"DRAFT": 2})
		if _, err := o.take(o.as(actor.WorkOrderWrite), one, workorder.Submit, ""); err != nil {
			t.Fatal(err)
		}
		want("one was submitted", map[entworkorder.Status]int{"DRAFT": 1, "SUBMITTED": 1})
		exec("UPDATE work_orders SET notes = 'x', status = status")
		want("nothing was changed", map[entworkorder.Status]int{"DRAFT": 1, "SUBMITTED": 1})
		o.order("CLOSED", func(c *ent.WorkOrderCreate) { c.SetIsActive(false) })
		want("a deleted one was made", map[entworkorder.Status]int{"DRAFT": 1, "SUBMITTED": 1})
		exec("UPDATE work_orders SET is_active = true WHERE status = 'CLOSED'")
		want("it came back", map[entworkorder.Status]int{"DRAFT": 1, "SUBMITTED": 1, "CLOSED": 1})
		exec("UPDATE work_orders SET is_active = false, status = 'CANCELLED' WHERE status = 'CLOSED'")
		want("it was deleted and cancelled at once", map[entworkorder.Status]int{"DRAFT": 1, "SUBMITTED": 1})
		exec("UPDATE work_orders SET status = 'REJECTED'")
		want("all were rejected", map[entworkorder.Status]int{"REJECTED": 2})
		if err := workorder.CompactCounts(ctx, db); err != nil {
			t.Fatal(err)
		}
		want("the counts were added up", map[entworkorder.Status]int{"REJECTED": 2})
		exec("DELETE FROM work_orders WHERE id = " + fmt.Sprint(two.ID))
		want("one was removed", map[entworkorder.Status]int{"REJECTED": 1})
		if db.Dialect() == dialect.Postgres {
			exec("TRUNCATE work_orders CASCADE")
			want("the table was emptied", nil)
		} else {
			exec("DELETE FROM work_orders")
		}
		want("nothing is left", nil)
	})
}

// TestCountsAreRightAtEveryMoment has many write, some of whom give up, while the
// counts are added up and compared over and over.
func TestCountsAreRightAtEveryMoment(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		for _, s := range statuses {
			o.order(s)
		}
		var made atomic.Int64
		made.Store(int64(o.made))
		gaveUp := errors.New("gave up")
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
		defer stop()
		write := func(tx *ent.Tx, d *rand.Rand) error {
			status := statuses[d.IntN(len(statuses))]
			switch d.IntN(6) {
			case 0:
				return tx.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", made.Add(1))).SetCari(o.active).SetCariCode("C-1").SetCariTitle("Şahin").
					SetRequester(o.requester).SetRequesterName("requester").SetType(entworkorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
					SetStatus(status).SetIsActive(d.IntN(4) > 0).SetCreatedBy(o.requester.ID).SetUpdatedBy(o.requester.ID).Exec(ctx)
			case 1: // several at once, in the order of their ids: nobody waits in a circle
				ids, err := tx.WorkOrder.Query().Where(entworkorder.IDGT(d.Int64N(50))).Order(ent.Asc("id")).Limit(3).IDs(ctx)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := tx.WorkOrder.Update().Where(entworkorder.ID(id)).SetStatus(status).Exec(ctx); err != nil {
						return err
					}
				}
				return nil
			case 2:
				return tx.WorkOrder.Update().Where(entworkorder.ID(d.Int64N(50))).SetIsActive(d.IntN(2) == 0).Exec(ctx)
			default:
				return tx.WorkOrder.Update().Where(entworkorder.ID(d.Int64N(50))).SetStatus(status).Exec(ctx)
			}
		}
		var wg sync.WaitGroup
		var written, undone, compared, compacted atomic.Int64
		for w := range 4 {
			wg.Go(func() {
				d := rand.New(rand.NewPCG(uint64(w), 7))
				for ctx.Err() == nil {
					err := db.InTx(ctx, func(tx *ent.Tx) error {
						for range 1 + d.IntN(3) {
							if err := write(tx, d); err != nil {
								return err
							}
						}
						if d.IntN(3) == 0 {
							return gaveUp
						}
						return nil
					})
					switch {
					case err == nil:
						written.Add(1)
					case errors.Is(err, gaveUp):
						undone.Add(1)
					case ctx.Err() == nil && store.Classify(err).Kind != store.Serialization:
						t.Error(err)
					}
				}
			})
		}
		repeat := func(n *atomic.Int64, do func() error) {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := do(); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
					n.Add(1)
				}
			})
		}
		for range 2 {
			repeat(&compacted, func() error { return workorder.CompactCounts(ctx, db) })
		}
		repeat(&compared, func() error {
			wrong, err := workorder.Miscounts(ctx, db.Reader())
			if err == nil && len(wrong) > 0 {
				err = fmt.Errorf("miscounted %v", wrong)
			}
			return err
		})
		repeat(new(atomic.Int64), func() error {
			wrong, err := workorder.Recount(ctx, db)
			if err == nil && len(wrong) > 0 {
				err = fmt.Errorf("recounted %v", wrong)
			}
			time.Sleep(200 * time.Millisecond)
			return err
		})
		wg.Wait()
		counted(t, db, "all of that")
		if written.Load() < 20 || undone.Load() < 5 || compared.Load() < 5 || compacted.Load() < 5 {
			t.Errorf("%d written, %d undone, %d comparisons, %d times added up: too few to tell", written.Load(), undone.Load(), compared.Load(), compacted.Load())
		}
	})
}

func TestCountsHoldAfterALoad(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
		if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 3000, Cari: 100, Services: 50, Seed: 1, Now: now}); err != nil {
			t.Fatal(err)
		}
		counted(t, db, "a load")
		sum := 0
		for _, n := range counts(t, db) {
			sum += n
		}
		if all := db.WorkOrder.Query().Where(entworkorder.IsActive(true)).CountX(t.Context()); sum != all || all < 2500 {
			t.Errorf("%d counted of %d", sum, all)
		}
	})
}

func TestMiscountsAreFoundAndMended(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		for _, s := range statuses {
			o.order(s)
		}
		for name, damage := range map[string]string{
			"rows are gone":        "DELETE FROM work_order_counts WHERE status = 'DRAFT'",
			"a row is wrong":       "UPDATE work_order_counts SET n = n + 5 WHERE status = 'CLOSED'",
			"the counts were lost": "DELETE FROM work_order_counts",
			"a row is doubled":     "INSERT INTO work_order_counts (status, n) SELECT status, n FROM work_order_counts WHERE status = 'APPROVED'",
		} {
			if _, err := db.Writer().ExecContext(t.Context(), damage); err != nil {
				t.Fatal(err)
			}
			found, err := workorder.Miscounts(t.Context(), db.Reader())
			if err != nil || len(found) == 0 {
				t.Errorf("%s: not found (%v)", name, err)
			}
			mended, err := workorder.Recount(t.Context(), db)
			if err != nil || len(mended) != len(found) {
				t.Errorf("%s: mended %v of %v (%v)", name, mended, found, err)
			}
			counted(t, db, name)
			if _, err := db.Writer().ExecContext(t.Context(), "UPDATE work_orders SET status = 'DRAFT' WHERE id <= 2"); err != nil {
				t.Fatal(err)
			}
			counted(t, db, name+", and orders move on")
		}
	})
}

// TestTheMigrationCountsWhatIsThere runs it on a database that has orders already.
func TestTheMigrationCountsWhatIsThere(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		files, err := migrations.For(db.Dialect())
		if err != nil {
			t.Fatal(err)
		}
		names, err := fs.Glob(files, "*_work_order_counts.sql")
		if err != nil || len(names) != 1 {
			t.Fatalf("%v (%v)", names, err)
		}
		text, err := fs.ReadFile(files, names[0])
		if err != nil {
			t.Fatal(err)
		}
		undo := "DROP TRIGGER work_orders_added; DROP TRIGGER work_orders_removed; DROP TRIGGER work_orders_moved; DROP TABLE work_order_counts"
		if db.Dialect() == dialect.Postgres {
			undo = "DROP FUNCTION work_orders_added, work_orders_removed, work_orders_moved, work_orders_emptied CASCADE; DROP TABLE work_order_counts"
		}
		if _, err := db.Writer().ExecContext(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		o := newOffice(t, db)
		for i, s := range statuses {
			for range i {
				o.order(s)
			}
		}
		o.order("DRAFT", func(c *ent.WorkOrderCreate) { c.SetIsActive(false) })
		if _, err := db.Writer().ExecContext(t.Context(), string(text)); err != nil {
			t.Fatal(err)
		}
		counted(t, db, "the migration")
		for i, n := range counts(t, db) {
			if want := slices.Index(statuses, i); n != want {
				t.Errorf("%d are %s, want %d", n, i, want)
			}
		}
		o.order("DRAFT")
		counted(t, db, "a further order")
	})
}
