package tariff_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

var scans = regexp.MustCompile(`^SCAN (price_list|service)\w*$|TEMP B-TREE`)

// TestEveryReadSeeks asks the planners how lists and prices are read among 20,000
// price lists, 60,000 items and 20,000 overrides.
func TestEveryReadSeeks(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := system(t)
		const services, lists = 500, 20_000
		bulk := func(table string, columns string, n int, row func(i int) []any) {
			t.Helper()
			_, err := db.BulkInsert(ctx, table, strings.Fields(columns), func(yield func([]any, error) bool) {
				for i := range n {
					if !yield(row(i), nil) {
						return
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		bulk("services", "id created_at updated_at code name name_fold search_text unit base_price vat_rate", services, func(i int) []any {
			code := fmt.Sprintf("HZM%04d", i)
			return []any{i + 1, now, now, code, code, code, code, "SAAT", decimal.NewFromInt(1), decimal.NewFromInt(20)}
		})
		// Every currency has a hundred active lists, one after the other, and others of the same days.
		bulk("price_lists", "id created_at updated_at code version name currency status valid_from valid_to created_by updated_by", lists, func(i int) []any {
			status := []string{"PASSIVE", "DRAFT", "ACTIVE", "PASSIVE"}[i%4]
			slot := i / 4 / 50
			return []any{i + 1, now, now, fmt.Sprintf("L-%04d", i/5), i%5 + 1, "Liste", currencyOf(i / 4 % 50), status, day(slot), day(slot + 1), 1, 1}
		})
		bulk("price_list_items", "created_at updated_at price_list_id service_id min_quantity unit_price vat_rate sort_no", 3*lists, func(i int) []any {
			return []any{now, now, i/3 + 1, (i/3*7+i%3)%services + 1, decimal.Zero, decimal.NewFromInt(1), decimal.Zero, i % 3}
		})
		bulk("service_tariff_overrides", "created_at updated_at service_id valid_from valid_to price currency is_active created_by updated_by", lists, func(i int) []any {
			slot := i / services
			return []any{now, now, i%services + 1, day(2 * slot), day(2*slot + 2), decimal.NewFromInt(1), "TRY", true, 1, 1}
		})
		if _, err := db.Writer().ExecContext(ctx, "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		rec := aliatest.Record(db)
		over := ent.NewClient(ent.Driver(rec))
		s, read := newService(&store.DB{Client: over}), newService(db)
		currency, code := currencyOf(7), "L-0007"
		keys := make([]int64, 20)
		for i := range keys {
			keys[i] = int64(i*11 + 1)
		}
		ask := map[string]func() error{
			"what is in force":       func() error { _, err := s.InForce(ctx, new(day(30)), currency); return err },
			"one by code":            func() error { _, err := s.Find(ctx, nil, &code, nil); return err },
			"one by code, version":   func() error { _, err := s.Find(ctx, nil, &code, new(2)); return err },
			"candidates of one":      func() error { _, err := read.Candidates(ctx, over, 12, day(30), currency, nil); return err },
			"candidates of a list":   func() error { _, err := read.Candidates(ctx, over, 12, day(30), currency, new(int64(77))); return err },
			"candidates of twenty":   func() error { _, err := read.CandidatesOf(ctx, over, keys, day(30), currency, nil); return err },
			"lists that are not one": func() error { _, err := s.List(ctx, tariff.Filter{Code: new("YOK")}, nil, page.Args{}); return err },
		}
		all := []pricelist.Status{pricelist.StatusActive, pricelist.StatusPassive, pricelist.StatusDraft}
		for name, f := range map[string]tariff.Filter{
			"all": {}, "active": {Status: all[:1]}, "drafts in a currency": {Status: all[2:], Currency: &currency}, "in a currency": {Currency: &currency}, "of a code": {Code: &code},
			"in two statuses": {Status: all[:2]}, "in every status in a currency": {Status: all, Currency: &currency},
		} {
			for _, direction := range []page.Direction{page.Asc, page.Desc} {
				ask[fmt.Sprintf("lists, %s, %s", name, direction)] = func() error {
					o := &tariff.Order{Field: tariff.ByValidFrom, Direction: direction}
					l, err := s.List(ctx, f, o, page.Args{First: new(10)})
					if err == nil && l.Info.EndCursor != nil && name != "of a code" {
						_, err = s.List(ctx, f, o, page.Args{First: new(10), After: l.Info.EndCursor})
					}
					return err
				}
			}
		}
		for name, do := range ask {
			rec.Sent = nil
			if err := do(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, sent := range rec.Sent {
				var plan []string
				explain := "EXPLAIN QUERY PLAN "
				if db.Dialect() == dialect.Postgres {
					explain = "EXPLAIN "
				}
				for _, row := range aliatest.Rows(t, db.Reader(), explain+sent.Text, sent.Args...) {
					plan = append(plan, row[len(row)-1])
				}
				united := strings.Contains(sent.Text, "UNION ALL") // what is sorted there are a page a status
				few := strings.HasPrefix(name, "candidates") || strings.Contains(name, "code")
				for _, step := range plan {
					switch {
					case db.Dialect() == dialect.SQLite && scans.MatchString(step) && (!strings.Contains(step, "TEMP B-TREE") || !united && !few),
						strings.Contains(step, "Seq Scan") && !strings.Contains(step, "on services"), // 500 services are a few pages
						strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(step), "->")), "Sort ") && !united && !few:
						t.Errorf("%s: %s\n%s\n%s", name, step, sent.Text, strings.Join(plan, "\n"))
					}
				}
			}
		}
		if _, err := s.List(ctx, tariff.Filter{Code: &code, Currency: &currency}, nil, page.Args{}); !apperr.Is(err, apperr.FilterNotIndexed) {
			t.Errorf("code and currency: %v", err)
		}
	})
}

// TestWhoMayDoWhat calls every method as every role: the right is asked for here as
// well as in the API.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := newService(aliatest.Open(t, dialect.SQLite))
	for name, c := range map[string]struct {
		needs actor.Permission
		call  func(context.Context) error
	}{
		"create":        {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Create(ctx, tariff.CreateInput{}); return err }},
		"update":        {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Update(ctx, tariff.UpdateInput{}); return err }},
		"add items":     {actor.TariffWrite, func(ctx context.Context) error { _, err := s.AddItems(ctx, tariff.AddItemsInput{}); return err }},
		"update item":   {actor.TariffWrite, func(ctx context.Context) error { _, err := s.UpdateItem(ctx, tariff.UpdateItemInput{}); return err }},
		"remove item":   {actor.TariffWrite, func(ctx context.Context) error { _, err := s.RemoveItem(ctx, tariff.RemoveItemInput{}); return err }},
		"activate":      {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Activate(ctx, tariff.ActivateInput{}); return err }},
		"deactivate":    {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Deactivate(ctx, tariff.StepInput{}); return err }},
		"delete":        {actor.TariffDelete, func(ctx context.Context) error { _, err := s.Delete(ctx, tariff.StepInput{}); return err }},
		"copy":          {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Copy(ctx, tariff.CopyInput{}); return err }},
		"adjust":        {actor.TariffWrite, func(ctx context.Context) error { _, err := s.Adjust(ctx, tariff.AdjustInput{}); return err }},
		"save override": {actor.TariffWrite, func(ctx context.Context) error { _, err := s.SaveOverride(ctx, tariff.OverrideInput{}); return err }},
		"end override":  {actor.TariffWrite, func(ctx context.Context) error { _, err := s.EndOverride(ctx, tariff.EndOverrideInput{}); return err }},
		"find":          {actor.TariffRead, func(ctx context.Context) error { _, err := s.Find(ctx, nil, new("YOK"), nil); return err }},
		"list":          {actor.TariffRead, func(ctx context.Context) error { _, err := s.List(ctx, tariff.Filter{}, nil, page.Args{}); return err }},
		"in force":      {actor.TariffRead, func(ctx context.Context) error { _, err := s.InForce(ctx, nil, "TRY"); return err }},
	} {
		for _, role := range actor.RoleNames {
			who := actor.New(7, "biri@aliaport.example", "Biri", []string{role}, actor.RolePermissions[role])
			if err := c.call(actor.With(t.Context(), who)); apperr.Is(err, apperr.Forbidden) == who.Can(c.needs) {
				t.Errorf("%s as %s, who may %s: %t: %v", name, role, c.needs, who.Can(c.needs), err)
			}
		}
		if err := c.call(t.Context()); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("%s as nobody: %v", name, err)
		}
	}
}
