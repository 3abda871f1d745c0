package store_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// What is written comes back equal, sorts as in Go and compares as in Go,
// whatever the value. The generated inputs change with every run; a failure
// names the value.

const samples = 400

// saved makes one service per sample and returns them in the order of the samples.
func saved(t *testing.T, db *store.DB, set func(c *ent.ServiceCreate, i int)) []*ent.Service {
	t.Helper()
	var made []*ent.Service
	for chunk := range slices.Chunk(make([]struct{}, samples), 100) {
		creates := make([]*ent.ServiceCreate, len(chunk))
		for i := range creates {
			n := len(made) + i
			creates[i] = newService(db.Client, strconv.Itoa(n))
			set(creates[i], n)
		}
		part, err := db.Service.CreateBulk(creates...).Save(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, part...)
	}
	read, err := db.Service.Query().Order(service.ByID()).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// randomAmount has one to fifteen digits, four of them behind the point.
func randomAmount() decimal.Decimal {
	limit := int64(1)
	for range 1 + rand.IntN(15) {
		limit *= 10
	}
	return decimal.New(rand.Int64N(limit), -4)
}

func TestDecimalsRoundTripAndSort(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		want := make([]decimal.Decimal, samples)
		for i := range want {
			want[i] = randomAmount()
		}
		want[0], want[1], want[2] = decimal.Zero, decimal.New(1, -4), decimal.New(999_999_999_999_999, -4)
		got := saved(t, db, func(c *ent.ServiceCreate, i int) { c.SetBasePrice(want[i]) })
		for i, s := range got {
			if !s.BasePrice.Equal(want[i]) {
				t.Errorf("wrote %s, read %s", want[i], s.BasePrice)
			}
		}

		slices.SortFunc(want, decimal.Decimal.Cmp)
		sorted := db.Service.Query().Order(service.ByBasePrice()).AllX(t.Context())
		for i, s := range sorted {
			if !s.BasePrice.Equal(want[i]) {
				t.Fatalf("place %d has %s, want %s", i, s.BasePrice, want[i])
			}
		}
		pivot := want[samples/2]
		n := db.Service.Query().Where(service.BasePriceGTE(pivot)).CountX(t.Context())
		first, _ := slices.BinarySearchFunc(want, pivot, decimal.Decimal.Cmp)
		if n != samples-first {
			t.Errorf("%d amounts >= %s, want %d", n, pivot, samples-first)
		}
		if !db.Service.Query().Where(service.BasePriceEQ(pivot)).ExistX(t.Context()) {
			t.Errorf("%s cannot be found", pivot)
		}
	})
}

func TestSumDecimalIsExact(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		sum := func() decimal.Decimal {
			t.Helper()
			var rows []struct{ Total decimal.Decimal }
			err := db.Service.Query().Aggregate(ent.As(store.SumDecimal(service.FieldBasePrice), "total")).Scan(t.Context(), &rows)
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			return rows[0].Total
		}
		if got := sum(); !got.IsZero() {
			t.Errorf("sum of nothing is %s", got)
		}
		want := decimal.Zero
		saved(t, db, func(c *ent.ServiceCreate, _ int) {
			amount := randomAmount()
			want = want.Add(amount)
			c.SetBasePrice(amount)
		})
		if got := sum(); !got.Equal(want) {
			t.Errorf("sum %s, want %s", got, want)
		}
		var rows []struct {
			Unit  string
			Total decimal.Decimal
		}
		err := db.Service.Query().GroupBy(service.FieldUnit).
			Aggregate(ent.As(store.SumDecimal(service.FieldBasePrice), "total")).Scan(t.Context(), &rows)
		if err != nil || len(rows) != 1 || !rows[0].Total.Equal(want) {
			t.Errorf("grouped: %v, error %v, want %s", rows, err, want)
		}
	})
}

func TestSumDecimalOfDebts(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE balances (amount numeric(15,4))"); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ add, sum string }{
			{"-0.0001", "-0.0001"}, {"-1.5", "-1.5001"}, {"0.5", "-1.0001"}, {"11.0001", "10"}, {"-10", "0"},
		} {
			if _, err := db.ExecContext(t.Context(), "INSERT INTO balances VALUES ("+tt.add+"), (NULL)"); err != nil {
				t.Fatal(err)
			}
			s := entsql.Dialect(db.Dialect()).Select().From(entsql.Table("balances"))
			s.Select(store.SumDecimal("amount")(s))
			query, args := s.Query()
			var got decimal.Decimal
			if err := db.Reader().QueryRowContext(t.Context(), query, args...).Scan(&got); err != nil || got.String() != tt.sum {
				t.Errorf("after %s: sum %s, want %s (error %v)", tt.add, got, tt.sum, err)
			}
		}
	})
}

// randomTime lies between the years 1 and 9999, in some zone, and has nanoseconds.
func randomTime() time.Time {
	earliest := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).Unix()
	latest := time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC).Unix()
	at := time.Unix(earliest+rand.Int64N(latest-earliest), rand.Int64N(1e9))
	switch rand.IntN(4) {
	case 0:
		at = time.Unix(rand.Int64N(2)-1, rand.Int64N(1e9)) // about 1970
	case 1:
		at = at.Truncate(time.Second) // no fraction: shorter if the form were not fixed
	}
	return at.In(time.FixedZone("", (rand.IntN(28*4)-14*4)*15*60))
}

func TestTimesRoundTripAndSort(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		want := make([]time.Time, samples)
		for i := range want {
			want[i] = randomTime()
		}
		got := saved(t, db, func(c *ent.ServiceCreate, i int) { c.SetCreatedAt(want[i]) })
		for i, s := range got {
			if !s.CreatedAt.Equal(want[i].Truncate(time.Microsecond)) {
				t.Errorf("wrote %v, read %v", want[i], s.CreatedAt)
			}
			if s.CreatedAt.Location() != time.UTC {
				t.Fatalf("read a time in %v", s.CreatedAt.Location())
			}
		}

		byTime := slices.SortedFunc(slices.Values(got), func(a, b *ent.Service) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		sorted := db.Service.Query().Order(service.ByCreatedAt(), service.ByID()).AllX(t.Context())
		for i := range sorted {
			if sorted[i].ID != byTime[i].ID {
				t.Fatalf("place %d has %v, want %v", i, sorted[i].CreatedAt, byTime[i].CreatedAt)
			}
		}
		for _, i := range []int{0, samples / 3, samples - 1} {
			pivot := byTime[i].CreatedAt.In(time.FixedZone("", 3*3600))
			after := db.Service.Query().Where(service.CreatedAtGT(pivot)).CountX(t.Context())
			here := db.Service.Query().Where(service.CreatedAtEQ(pivot)).CountX(t.Context())
			before := db.Service.Query().Where(service.CreatedAtLT(pivot)).CountX(t.Context())
			if before > i || before+here <= i || before+here+after != samples {
				t.Errorf("%v: %d before, %d at, %d after; it is number %d", pivot, before, here, after, i)
			}
		}
	})
}

func TestTimeArgumentsOfAllKinds(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 3, 29, 2, 59, 59, 999_999_000, time.FixedZone("", 3*3600))
		newService(db.Client, "A").SetCreatedAt(at).ExecX(t.Context())
		null := entsql.NullTime{Time: at, Valid: true}
		none := (*time.Time)(nil)
		for name, arg := range map[string]any{"value": at, "pointer": &at, "valuer": null, "pointer to valuer": &null} {
			rows := db.Service.Query().Where(func(s *entsql.Selector) { s.Where(entsql.EQ("created_at", arg)) }).CountX(t.Context())
			if rows != 1 {
				t.Errorf("%s: found %d rows, want 1", name, rows)
			}
		}
		rows := db.Service.Query().Where(func(s *entsql.Selector) { s.Where(entsql.EQ("created_at", none)) }).CountX(t.Context())
		if rows != 0 {
			t.Errorf("nil pointer: found %d rows", rows)
		}
	})
}

func TestYearsBeyondTheFormAreRefusedOnSQLite(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	if err := newService(db.Client, "A").SetCreatedAt(time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)).Exec(t.Context()); err == nil {
		t.Error("the year 10000 was stored; it would sort before 2026")
	}
}

func randomJSON(depth int) any {
	switch n := rand.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return rand.IntN(2) == 0
	case n == 2:
		return float64(rand.IntN(1_000_000)) / 100
	case n < 5 || depth == 0:
		return randomText()
	case n < 7:
		list := make([]any, rand.IntN(4))
		for i := range list {
			list[i] = randomJSON(depth - 1)
		}
		return list
	default:
		object := map[string]any{}
		for range rand.IntN(4) {
			object[randomText()] = randomJSON(depth - 1)
		}
		return object
	}
}

func TestJSONRoundTrips(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		want := make([]any, samples)
		for i := range want {
			want[i] = map[string]any{"value": randomJSON(3), "n": float64(i)}
		}
		got := saved(t, db, func(c *ent.ServiceCreate, i int) {
			text, err := json.Marshal(want[i])
			if err != nil {
				t.Fatal(err)
			}
			c.SetFormulaParams(text)
		})
		for i, s := range got {
			var v any
			if err := json.Unmarshal(s.FormulaParams, &v); err != nil || !reflect.DeepEqual(v, want[i]) {
				t.Errorf("wrote %v, read %s (error %v)", want[i], s.FormulaParams, err)
			}
		}
		// The database can look inside.
		path := "CAST(formula_params ->> 'n' AS integer)"
		n := db.Service.Query().Where(func(s *entsql.Selector) {
			s.Where(entsql.P(func(b *entsql.Builder) { b.WriteString(path + " < ").Arg(10) }))
		}).CountX(t.Context())
		if n != 10 {
			t.Errorf("found %d rows by a value inside JSON, want 10", n)
		}
		if s := newService(db.Client, "none").SaveX(t.Context()); db.Service.Query().Where(service.FormulaParamsIsNil()).CountX(t.Context()) != 1 {
			t.Errorf("no JSON is not NULL: %q", s.FormulaParams)
		}
	})
}

func randomText() string {
	letters := []rune("aAıIiİşŞğĞüÜöÖçÇâ'\"\\%_;-—/€₺⚓\u0301\t\n 09")
	text := make([]rune, 1+rand.IntN(40))
	for i := range text {
		text[i] = letters[rand.IntN(len(letters))]
	}
	return string(text)
}

func TestTextRoundTripsAndSortsByBytes(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		want := make([]string, samples)
		for i := range want {
			want[i] = fmt.Sprintf("%s%d", randomText(), i)
		}
		got := saved(t, db, func(c *ent.ServiceCreate, i int) { c.SetName(want[i]).SetNameFold(want[i]) })
		for i, s := range got {
			if s.Name != want[i] {
				t.Errorf("wrote %q, read %q", want[i], s.Name)
			}
		}
		slices.Sort(want)
		for i, s := range db.Service.Query().Order(service.ByNameFold()).AllX(t.Context()) {
			if s.NameFold != want[i] {
				t.Fatalf("place %d has %q, want %q", i, s.NameFold, want[i])
			}
		}
	})
}
