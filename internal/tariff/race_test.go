package tariff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/pricelist"
	"aliaport/ent/serviceoverride"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

// atOnce runs them together and returns their errors.
func atOnce(fs ...func() error) []error {
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, f := range fs {
		wg.Go(func() {
			<-start
			errs[i] = f()
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// meeting draws two periods that share a day, or two that only touch.
func meeting(r *rand.Rand, overlap bool) (a, b period) {
	for {
		a, b = period{r.IntN(30), 0}, period{r.IntN(60), 0}
		a.to = a.from + 1 + r.IntN(30)
		if b.from = a.to; overlap {
			b.from = r.IntN(60)
		}
		if r.IntN(3) > 0 {
			b.to = b.from + 1 + r.IntN(30)
		}
		if a.meets(b) == overlap {
			if r.IntN(2) == 0 {
				return b, a
			}
			return a, b
		}
	}
}

func TestOfTwoOverlappingListsActivatedAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		r := rand.New(rand.NewPCG(1, 1))
		for n := range rounds {
			overlap := n%4 > 0
			pa, pb := meeting(r, overlap)
			currency := currencyOf(n)
			a, b := list(t, db, fmt.Sprintf("A-%d", n), currency, pa, of), list(t, db, fmt.Sprintf("B-%d", n), currency, pb, of)
			activate := func(l *ent.PriceList) func() error {
				return func() error {
					_, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 1})
					return err
				}
			}
			errs := atOnce(activate(a), activate(b))
			won := 0
			for i, l := range []*ent.PriceList{a, b} {
				other := []string{b.Code, a.Code}[i]
				switch status := statusOf(t, db, l); {
				case errs[i] == nil && status == pricelist.StatusActive:
					won++
				case status != pricelist.StatusDraft || !apperr.Is(errs[i], apperr.TariffOverlap) || !strings.Contains(errs[i].Error(), other+" v1"):
					t.Fatalf("round %d, %v and %v: %s is %s, %v", n, pa, pb, l.Code, status, errs[i])
				}
			}
			if want := map[bool]int{true: 1, false: 2}[overlap]; won != want {
				t.Fatalf("round %d, %v and %v: %d were activated, want %d", n, pa, pb, won, want)
			}
		}
		activated := db.AuditEvent.Query().Where(auditevent.Action("status_change")).CountX(ctx)
		if active := db.PriceList.Query().Where(pricelist.StatusEQ(pricelist.StatusActive)).CountX(ctx); activated != active {
			t.Errorf("%d lists are active, the trail has %d", active, activated)
		}
	})
}

// TestFollowersOfAnOpenListAtOnce lets two lists end the same open list.
func TestFollowersOfAnOpenListAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		for n := range rounds {
			currency := currencyOf(n)
			open := list(t, db, fmt.Sprintf("O-%d", n), currency, period{0, 0}, of)
			if _, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(open), Revision: 1}); err != nil {
				t.Fatal(err)
			}
			a, b := list(t, db, fmt.Sprintf("A-%d", n), currency, period{10, 0}, of), list(t, db, fmt.Sprintf("B-%d", n), currency, period{20, 0}, of)
			follow := func(l *ent.PriceList) func() error {
				return func() error {
					_, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 1, EndPrevious: true})
					return err
				}
			}
			errs := atOnce(follow(a), follow(b))
			// B may follow A, but A cannot come before B.
			first, second := statusOf(t, db, a) == pricelist.StatusActive, statusOf(t, db, b) == pricelist.StatusActive
			if first != (errs[0] == nil) || second != (errs[1] == nil) || !second || !first && !apperr.Is(errs[0], apperr.TariffOverlap) {
				t.Fatalf("round %d: %v and %v, %v", n, first, second, errs)
			}
			for d := range 40 {
				in := db.PriceList.Query().Where(pricelist.StatusEQ(pricelist.StatusActive), pricelist.Currency(currency), pricelist.ValidFromLTE(day(d)),
					pricelist.Or(pricelist.ValidToIsNil(), pricelist.ValidToGT(day(d)))).CountX(ctx)
				if in != 1 {
					t.Fatalf("round %d: %d lists are in force on %v", n, in, day(d))
				}
			}
		}
	})
}

func TestVersionsCopiedAtOnceHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		first := list(t, db, "LISTE", "TRY", period{0, 10}, of)
		const copies = 12
		fs := make([]func() error, copies)
		for i := range fs {
			fs[i] = func() error {
				_, err := s.Copy(ctx, tariff.CopyInput{ID: idOf(first), ValidFrom: day(10 * i)})
				return err
			}
		}
		for _, err := range atOnce(fs...) {
			if err != nil {
				t.Error(err)
			}
		}
		var versions []int
		for _, l := range db.PriceList.Query().WithItems().AllX(ctx) {
			versions = append(versions, l.Version)
			if len(l.Edges.Items) != 1 {
				t.Errorf("version %d has %d items", l.Version, len(l.Edges.Items))
			}
		}
		slices.Sort(versions)
		if len(versions) != copies+1 || versions[0] != 1 || versions[copies] != copies+1 || len(slices.Compact(versions)) != copies+1 {
			t.Errorf("versions %v", versions)
		}
	})
}

func TestOfTwoOverlappingOverridesMadeAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := newService(db), system(t)
		r := rand.New(rand.NewPCG(2, 2))
		for n := range rounds {
			overlap := n%4 > 0
			pa, pb := meeting(r, overlap)
			of := sold(t, db, fmt.Sprintf("HZM%04d", n))
			save := func(p period) func() error {
				return func() error {
					_, err := s.SaveOverride(ctx, tariff.OverrideInput{ServiceCode: &of.Code, ValidFrom: day(p.from), ValidTo: p.end(), Price: decimal.NewFromInt(7), Currency: "TRY"})
					return err
				}
			}
			won := 0
			for _, err := range atOnce(save(pa), save(pb)) {
				switch {
				case err == nil:
					won++
				case !apperr.Is(err, apperr.TariffOverlap) || !strings.Contains(err.Error(), "7 TRY"):
					t.Fatalf("round %d, %v and %v: %v", n, pa, pb, err)
				}
			}
			want := map[bool]int{true: 1, false: 2}[overlap]
			if kept := db.ServiceOverride.Query().Where(serviceoverride.ServiceID(of.ID)).CountX(ctx); won != want || kept != want {
				t.Fatalf("round %d, %v and %v: %d succeeded and %d are kept, want %d", n, pa, pb, won, kept, want)
			}
		}
	})
}

// TestAListIsNotFilledWhileItIsActivated lets one add an item while another puts the
// list in force: either the item is in before, or it is refused.
func TestAListIsNotFilledWhileItIsActivated(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		other := sold(t, db, "HZM002")
		for n := range rounds {
			l := list(t, db, fmt.Sprintf("L-%d", n), currencyOf(n), period{0, 10}, of)
			errs := atOnce(func() error {
				_, err := s.AddItems(ctx, tariff.AddItemsInput{PriceListID: idOf(l), Revision: 1, Items: []tariff.ItemInput{{ServiceCode: other.Code, UnitPrice: decimal.NewFromInt(1)}}})
				return err
			}, func() error {
				_, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 1})
				return err
			})
			items, active := db.PriceList.QueryItems(l).CountX(ctx), statusOf(t, db, l) == pricelist.StatusActive
			if (errs[0] == nil) == (errs[1] == nil) || (items == 2) != (errs[0] == nil) || active != (errs[1] == nil) {
				t.Fatalf("round %d: %d items, active %t, %v", n, items, active, errs)
			}
			for _, err := range errs {
				if err != nil && !apperr.Is(err, apperr.VersionConflict) {
					t.Fatalf("round %d: %v", n, err)
				}
			}
		}
	})
}
