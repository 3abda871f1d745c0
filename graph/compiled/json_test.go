package compiled_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"aliaport/graph/compiled"
	"aliaport/graph/scalar"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
)

func engine(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

func same(t *testing.T, got []byte, want graphql.Marshaler) {
	t.Helper()
	if w := engine(want); string(got) != "before"+w {
		t.Fatalf("%s, want before%s", got, w)
	}
}

func before() []byte { return []byte("before") }

func decimals(t *testing.T, d decimal.Decimal) {
	t.Helper()
	same(t, compiled.Decimal(before(), d), scalar.MarshalDecimal(d))
}

func FuzzStrings(f *testing.F) {
	for _, s := range []string{"", "İstanbul'da \"vinç\"\t\r\n\\", "\x00\x01\x1f\x7f", "\xff\xfe", "ğüşiöç 🚢", strings.Repeat("a", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := compiled.String(before(), s)
		same(t, got, scalar.MarshalString(s))
		if !json.Valid(got[len("before"):]) {
			t.Fatalf("%q is written as %s", s, got)
		}
	})
}

func FuzzDecimals(f *testing.F) {
	f.Add(int64(0), int32(0))
	f.Add(int64(-1), int32(-6))
	f.Add(int64(math.MinInt64), int32(-20))
	f.Add(int64(math.MaxInt64), int32(3))
	f.Add(int64(1234500), int32(-4))
	f.Fuzz(func(t *testing.T, n int64, exponent int32) {
		decimals(t, decimal.New(n, exponent%60))
	})
}

func TestDecimalsAreWrittenAsElsewhere(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		decimals(t, decimal.New(dice.Int64()>>dice.IntN(64), dice.Int32N(30)-25))
		decimals(t, decimal.New(-dice.Int64()>>dice.IntN(64), -dice.Int32N(8)))
	}
	for _, text := range []string{"0", "-0.00", "0.10", "100", "-100.00", "123456789012345678901234567890.123456", "0.000000000000000000000001", "99999999999999999.9", "-0.000001"} {
		d, err := decimal.NewFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		decimals(t, d)
	}
}

func TestMomentsDaysAndIdsAreWrittenAsElsewhere(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(3, 4))
	istanbul := time.FixedZone("+03", 3*60*60)
	for range 5000 {
		at := time.UnixMicro(dice.Int64N(4e15) - 1e15)
		for _, moment := range []time.Time{at, at.In(istanbul), at.Truncate(time.Second), at.Truncate(time.Millisecond), at.Add(999)} {
			same(t, compiled.DateTime(before(), moment), scalar.MarshalDateTime(moment))
		}
		day := calendar.DateOf(at)
		same(t, compiled.Date(before(), day), scalar.MarshalDate(day))
		id := globalid.ID{Type: "WorkOrderStatusHistory", Key: dice.Int64()}
		same(t, compiled.ID(before(), id), id)
		same(t, compiled.Key(before(), id.Type, id.Key), id)
	}
	if got := string(compiled.Int(compiled.Bool(compiled.Null(before()), true), math.MinInt64)); got != "beforenulltrue-9223372036854775808" {
		t.Error(got)
	}
}

func BenchmarkDecimal(b *testing.B) {
	d, buffer := decimal.RequireFromString("1234567.890000"), make([]byte, 0, 100)
	b.ReportAllocs()
	for b.Loop() {
		buffer = compiled.Decimal(buffer[:0], d)
	}
}
