package loader_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderstatushistory"
	"aliaport/graph/loader"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// many is how many rows of each kind there are.
const many = 6

// records are the ids of what fill made, each list in order.
type records struct{ cari, services, users, roles, orders, items, steps, events []int64 }

// fill makes six records of each kind. The order at index i has i items; the last
// order is deleted.
func fill(t *testing.T, db *store.DB) (r records) {
	t.Helper()
	ctx := t.Context()
	permission := db.Permission.Create().SetName("cari:read").SaveX(ctx)
	zebra := db.Permission.Create().SetName("user:admin").SaveX(ctx)
	for i := range many {
		c := db.Cari.Create().SetCariCode(fmt.Sprintf("C-%d", i)).SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
			SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SaveX(ctx)
		s := db.Service.Create().SetCode(fmt.Sprintf("S-%d", i)).SetName("Vinç").SetNameFold("vinc").SetSearchText("vinc").
			SetUnit("SAAT").SetVatRate(decimal.NewFromInt(20)).SaveX(ctx)
		role := db.Role.Create().SetName(fmt.Sprintf("ROLE_%d", i)).AddPermissions(zebra, permission).SaveX(ctx)
		r.roles = append(r.roles, role.ID)
		u := db.User.Create().SetEmail(fmt.Sprintf("u%d@aliaport.example", i)).SetFullName("Deniz").SetPasswordHash("").AddRoleIDs(r.roles...).SaveX(ctx)
		wo := db.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", i)).SetCari(c).SetCariCode(c.CariCode).SetCariTitle(c.Title).
			SetRequester(u).SetRequesterName(u.FullName).SetType(workorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
			SetIsActive(i < many-1).SetCreatedBy(u.ID).SetUpdatedBy(u.ID).SaveX(ctx)
		for n := range i {
			item := db.WorkOrderItem.Create().SetWorkOrder(wo).SetSequence(i - n).SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").
				SetUnitPrice(decimal.NewFromInt(1)).SetCurrency("TRY").SetVatRate(decimal.NewFromInt(20)).SaveX(ctx)
			r.items = append(r.items, item.ID)
			step := db.WorkOrderStatusHistory.Create().SetWorkOrder(wo).SetToStatus(workorderstatushistory.ToStatusDraft).SetUser(u).SetUserName("Deniz").SaveX(ctx)
			r.steps = append(r.steps, step.ID)
		}
		e := db.AuditEvent.Create().SetRoles("").SetMethod("CLI").SetPath("-").SetAction("create").SetResource("cari").
			SetOutcome(auditevent.OutcomeOk).SetStatusCode(200).SetDurationMs(0).SetRequestID("").SaveX(ctx)
		r.cari, r.services, r.users = append(r.cari, c.ID), append(r.services, s.ID), append(r.users, u.ID)
		r.orders, r.events = append(r.orders, wo.ID), append(r.events, e.ID)
	}
	return r
}

// counted makes loaders of a request whose statements are counted. Batches of
// another size than capacity would wait for an hour.
func counted(t *testing.T, db *store.DB, capacity int) (*loader.Set, *store.Stats) {
	t.Helper()
	stats := &store.Stats{Record: true}
	ctx, cancel := context.WithCancel(store.WithStats(t.Context(), stats))
	t.Cleanup(cancel)
	return loader.New(ctx, db, loader.Options{Wait: time.Hour, Capacity: capacity}), stats
}

// loadAll loads the keys at the same time.
func loadAll[V any](ctx context.Context, l *loader.Loader[V], keys ...int64) ([]V, error) {
	values := make([]V, len(keys))
	var g errgroup.Group
	for i, key := range keys {
		g.Go(func() (err error) {
			values[i], err = l.Load(ctx, key)
			return err
		})
	}
	return values, g.Wait()
}

// missing is the key of no row.
const missing = 1 << 40

// one checks a loader of single rows.
func one[V any](t *testing.T, db *store.DB, name string, of func(*loader.Set) *loader.Loader[*V], id func(*V) int64, keys []int64) {
	t.Helper()
	asked := append(slices.Clone(keys), missing)
	slices.Reverse(asked) // not the order of the rows
	set, stats := counted(t, db, len(asked))
	rows, err := loadAll(t.Context(), of(set), asked...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if stats.Count() != 1 {
		t.Errorf("%s: %d statements, want 1: %v", name, stats.Count(), stats.Statements())
	}
	for i, row := range rows {
		switch {
		case asked[i] == missing:
			if row != nil {
				t.Errorf("%s: a row for a key of none: %v", name, row)
			}
		case row == nil || id(row) != asked[i]:
			t.Errorf("%s: key %d got %v", name, asked[i], row)
		}
	}
	again, err := loadAll(t.Context(), of(set), asked...)
	if err != nil || !slices.Equal(again, rows) || stats.Count() != 1 {
		t.Errorf("%s: asked again: %v, error %v, %d statements", name, again, err, stats.Count())
	}
}

// lists checks a loader of lists: describe tells what the rows should be.
func lists[V any](t *testing.T, db *store.DB, name string, of func(*loader.Set) *loader.Loader[[]*V], statements int, describe func([]*V) string, keys []int64, want func(i int) string) {
	t.Helper()
	asked := append(slices.Clone(keys), missing)
	set, stats := counted(t, db, len(asked))
	got, err := loadAll(t.Context(), of(set), asked...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if stats.Count() != statements {
		t.Errorf("%s: %d statements, want %d: %v", name, stats.Count(), statements, stats.Statements())
	}
	for i := range keys {
		if d := describe(got[i]); d != want(i) {
			t.Errorf("%s: key %d got %s, want %s", name, i, d, want(i))
		}
	}
	if none := got[len(keys)]; len(none) != 0 {
		t.Errorf("%s: rows for a key of none: %v", name, none)
	}
}

func TestBatchesAreOneStatement(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		one(t, db, "customers", func(s *loader.Set) *loader.Loader[*ent.Cari] { return s.Cari }, func(c *ent.Cari) int64 { return c.ID }, r.cari)
		one(t, db, "services", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service }, func(s *ent.Service) int64 { return s.ID }, r.services)
		one(t, db, "users", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User }, func(u *ent.User) int64 { return u.ID }, r.users)
		one(t, db, "roles", func(s *loader.Set) *loader.Loader[*ent.Role] { return s.Role }, func(r *ent.Role) int64 { return r.ID }, r.roles)
		one(t, db, "orders", func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder }, func(wo *ent.WorkOrder) int64 { return wo.ID }, r.orders[:many-1])
		one(t, db, "items", func(s *loader.Set) *loader.Loader[*ent.WorkOrderItem] { return s.WorkOrderItem }, func(i *ent.WorkOrderItem) int64 { return i.ID }, r.items[:len(r.items)-(many-1)]) // those of the deleted order are not found by their ids
		one(t, db, "steps", func(s *loader.Set) *loader.Loader[*ent.WorkOrderStatusHistory] { return s.WorkOrderHistory }, func(h *ent.WorkOrderStatusHistory) int64 { return h.ID }, r.steps[:len(r.steps)-(many-1)])
		one(t, db, "events", func(s *loader.Set) *loader.Loader[*ent.AuditEvent] { return s.AuditEvent }, func(e *ent.AuditEvent) int64 { return e.ID }, r.events)

		lists(t, db, "items of orders, in sequence", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderItem] { return s.ItemsOfWorkOrder }, 1,
			func(items []*ent.WorkOrderItem) string {
				sequence := []int{}
				for _, i := range items {
					sequence = append(sequence, i.Sequence)
				}
				return fmt.Sprint(sequence)
			}, r.orders, func(i int) string { return fmt.Sprint([]int{1, 2, 3, 4, 5}[:i]) })
		lists(t, db, "steps of orders, in time", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderStatusHistory] { return s.HistoryOfWorkOrder }, 1,
			func(steps []*ent.WorkOrderStatusHistory) string {
				ids := []int64{}
				for _, s := range steps {
					ids = append(ids, s.ID)
				}
				return fmt.Sprint(len(ids), slices.IsSorted(ids))
			}, r.orders, func(i int) string { return fmt.Sprint(i, true) })
		lists(t, db, "roles of users, by name", func(s *loader.Set) *loader.Loader[[]*ent.Role] { return s.RolesOfUser }, 2,
			func(roles []*ent.Role) string {
				names := ""
				for _, r := range roles {
					names += r.Name + " "
				}
				return names
			}, r.users, func(i int) string { return "ROLE_0 ROLE_1 ROLE_2 ROLE_3 ROLE_4 ROLE_5 "[:7*(i+1)] })
		lists(t, db, "permissions of roles, by name", func(s *loader.Set) *loader.Loader[[]*ent.Permission] { return s.PermissionsOfRole }, 2,
			func(permissions []*ent.Permission) string {
				names := ""
				for _, p := range permissions {
					names += p.Name + " "
				}
				return names
			}, r.roles, func(int) string { return "cari:read user:admin " })
	})
}

func TestDeletedOrdersAreNotFound(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		set, _ := counted(t, db, 1)
		if wo, err := set.WorkOrder.Load(t.Context(), r.orders[many-1]); wo != nil || err != nil {
			t.Errorf("got %v, error %v", wo, err)
		}
	})
}

func TestBatchesAreBoundedByCapacity(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		set, stats := counted(t, db, 50)
		keys := make([]int64, 200)
		for i := range keys {
			keys[i] = int64(i)
		}
		if _, err := loadAll(t.Context(), set.Cari, keys...); err != nil {
			t.Fatal(err)
		}
		if stats.Count() != 4 {
			t.Errorf("200 keys took %d statements, want 4", stats.Count())
		}
	})
}

func TestSameKeyIsAskedForOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		set, stats := counted(t, db, 2) // two keys, although there are many calls
		rows, err := loadAll(t.Context(), set.Cari, r.cari[0], r.cari[1], r.cari[0], r.cari[1], r.cari[0])
		if err != nil || stats.Count() != 1 {
			t.Fatalf("%d statements, error %v", stats.Count(), err)
		}
		if rows[0] != rows[2] || rows[0] != rows[4] || rows[1] != rows[3] {
			t.Errorf("one key, several rows: %v", rows)
		}
	})
}

func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		set, _ := counted(t, db, 2)
		rename := func(from, to string) {
			if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
				t.Fatal(err)
			}
		}
		rename("audit_events", "away")
		for range 2 {
			if got, err := loadAll(t.Context(), set.AuditEvent, r.events[0], r.events[1]); err == nil {
				t.Fatalf("read %v from a table that is not there", got)
			}
			if got, err := set.AuditEvent.Prime(t.Context(), r.events); err == nil {
				t.Fatalf("primed with %v from a table that is not there", got)
			}
		}
		rename("away", "audit_events")
		rows, err := loadAll(t.Context(), set.AuditEvent, r.events[0], r.events[1])
		if err != nil || rows[0].ID != r.events[0] || rows[1].ID != r.events[1] {
			t.Errorf("once the table is there again: %v, error %v", rows, err)
		}
	})
}

// TestCancelledFirstCallerDoesNotBreakTheOthers has a field give up whose key is
// in a batch with those of others, or has even opened it.
func TestCancelledFirstCallerDoesNotBreakTheOthers(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		set, stats := counted(t, db, 1)
		if row, err := set.Cari.Load(gone, r.cari[0]); err != nil || row.ID != r.cari[0] {
			t.Errorf("alone in its batch: %v, error %v", row, err)
		}
		if row, err := set.Cari.Load(t.Context(), r.cari[0]); err != nil || row.ID != r.cari[0] || stats.Count() != 1 {
			t.Errorf("after it: %v, error %v, %d statements", row, err, stats.Count())
		}
		for range 20 {
			set, stats := counted(t, db, 3)
			var g errgroup.Group
			g.Go(func() error { return ignore(set.Cari.Load(gone, r.cari[0])) })
			rows, err := loadAll(t.Context(), set.Cari, r.cari[1], r.cari[2])
			if err := errors.Join(err, g.Wait()); err != nil {
				t.Fatal(err)
			}
			if rows[0].ID != r.cari[1] || rows[1].ID != r.cari[2] || stats.Count() != 1 {
				t.Errorf("got %v after %d statements", rows, stats.Count())
			}
		}
	})
}

func TestNothingIsReadAfterTheRequest(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		set := loader.New(ctx, db, loader.Options{Wait: time.Hour, Capacity: 1})
		cancel()
		if row, err := set.Cari.Load(t.Context(), r.cari[0]); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, error %v", row, err)
		}
	})
}

func TestPrime(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		set, stats := counted(t, db, missing) // no batch is ever sent
		values, err := set.ItemsOfWorkOrder.Prime(store.WithStats(t.Context(), stats), append(slices.Clone(r.orders), missing))
		if err != nil || stats.Count() != 1 {
			t.Fatalf("%d statements, error %v", stats.Count(), err)
		}
		for i, order := range r.orders {
			items, err := set.ItemsOfWorkOrder.Load(t.Context(), order)
			if err != nil || len(items) != i || !slices.Equal(items, values[order]) {
				t.Errorf("order %d has %d items, error %v; want %d", order, len(items), err, i)
			}
		}
		if items, err := set.ItemsOfWorkOrder.Load(t.Context(), missing); len(items) != 0 || err != nil {
			t.Errorf("no order has %v, error %v", items, err)
		}
		customers, err := set.Cari.Prime(store.WithStats(t.Context(), stats), []int64{r.cari[0], missing})
		if err != nil || customers[r.cari[0]].ID != r.cari[0] || customers[missing] != nil {
			t.Errorf("primed %v, error %v", customers, err)
		}
		if row, err := set.Cari.Load(t.Context(), missing); row != nil || err != nil {
			t.Errorf("got %v, error %v", row, err)
		}
		if stats.Count() != 2 {
			t.Errorf("%d statements, want the two of Prime", stats.Count())
		}
	})
}

func TestClearForgetsEverything(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		set, stats := counted(t, db, 1)
		title := func() string {
			c, err := set.Cari.Load(t.Context(), r.cari[0])
			if err != nil {
				t.Fatal(err)
			}
			return c.Title
		}
		_ = title()
		db.Cari.UpdateOneID(r.cari[0]).SetTitle("Doğan").ExecX(t.Context())
		if got := title(); got != "Şahin" || stats.Count() != 1 {
			t.Errorf("within a request: %s after %d statements", got, stats.Count())
		}
		set.Clear()
		if got := title(); got != "Doğan" || stats.Count() != 2 {
			t.Errorf("after Clear: %s after %d statements", got, stats.Count())
		}
		// Clear reaches every loader.
		load := func() {
			for name, err := range map[string]error{
				"events": ignore(set.AuditEvent.Load(t.Context(), r.events[0])), "customers": ignore(set.Cari.Load(t.Context(), r.cari[0])),
				"services": ignore(set.Service.Load(t.Context(), r.services[0])), "users": ignore(set.User.Load(t.Context(), r.users[0])),
				"roles": ignore(set.Role.Load(t.Context(), r.roles[0])), "roles of users": ignore(set.RolesOfUser.Load(t.Context(), r.users[0])),
				"permissions of roles": ignore(set.PermissionsOfRole.Load(t.Context(), r.roles[0])), "orders": ignore(set.WorkOrder.Load(t.Context(), r.orders[0])),
				"items": ignore(set.WorkOrderItem.Load(t.Context(), r.items[0])), "steps": ignore(set.WorkOrderHistory.Load(t.Context(), r.steps[0])),
				"items of orders": ignore(set.ItemsOfWorkOrder.Load(t.Context(), r.orders[0])), "steps of orders": ignore(set.HistoryOfWorkOrder.Load(t.Context(), r.orders[0])),
			} {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		set.Clear()
		before := stats.Count()
		load()
		once := stats.Count() - before
		if load(); stats.Count() != before+once || once < 12 {
			t.Errorf("%d statements, then %d more", once, stats.Count()-before-once)
		}
		set.Clear()
		if load(); stats.Count() != before+2*once {
			t.Errorf("after Clear %d statements, want %d", stats.Count()-before-once, once)
		}
	})
}

func ignore(_ any, err error) error { return err }

func TestLoadersComeFromTheRequest(t *testing.T) {
	t.Parallel()
	set := &loader.Set{}
	if got := loader.From(loader.With(t.Context(), set)); got != set {
		t.Errorf("got %p, want %p", got, set)
	}
	defer func() {
		if recover() == nil {
			t.Error("a request without loaders has some")
		}
	}()
	loader.From(t.Context())
}
