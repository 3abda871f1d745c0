package page

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
)

var (
	codec     = NewCodec([]byte("a key that only the tests know"))
	byCreated = Order{Name: "CREATED_AT", Column: "created_at", Kind: Time, Desc: true}
	byTitle   = Order{Name: "TITLE", Column: "title_fold", Kind: Text}
	byDay     = Order{Name: "VALID_FROM", Column: "valid_from", Kind: Day}
	bySortNo  = Order{Name: "SORT_NO", Column: "sort_no", Kind: Number}
)

func TestCursorsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	letters := []rune("abcçdefgğhıijklmnoöprsştuüvyzABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZ 0123456789-.&'\"\\\u0130\u0307€😀\x00")
	for range 5000 {
		o, filter := byCreated, r.Uint64()
		// Any microsecond of the years 0 to 9999.
		var value any = time.UnixMicro(r.Int64N(315_569_520_000_000_000) - 62_167_219_200_000_000).UTC()
		switch r.IntN(4) {
		case 0:
			text := make([]rune, r.IntN(200))
			for i := range text {
				text[i] = letters[r.IntN(len(letters))]
			}
			o, value = byTitle, string(text)
		case 1:
			o, value = byDay, calendar.Date{Year: 1900, Month: time.January, Day: 1}.AddDays(r.IntN(100_000))
		case 2:
			o, value = bySortNo, int64(r.Uint64())>>r.IntN(64)
		}
		o.Desc = r.IntN(2) == 0
		id := int64(r.Uint64() >> r.IntN(64))
		s := codec.encode(o, filter, position{value, id})
		at, err := codec.decode(s, o, filter)
		if err != nil {
			t.Fatalf("cursor of %v, %d: %v", value, id, err)
		}
		if at.value != value || at.id != id {
			t.Fatalf("cursor of %v, %d came back as %v, %d", value, id, at.value, at.id)
		}
	}
}

func TestCursorsLoseWhatTheDatabasesDoNotKeep(t *testing.T) {
	t.Parallel()
	istanbul := time.FixedZone("+03", 3*60*60)
	given := time.Date(2026, 3, 1, 11, 30, 0, 123456789, istanbul)
	at, err := codec.decode(codec.encode(byCreated, 7, position{given, 1}), byCreated, 7)
	if want := time.Date(2026, 3, 1, 8, 30, 0, 123456000, time.UTC); err != nil || at.value != want {
		t.Errorf("got %v, error %v; want %v", at, err, want)
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	hash := func(list string, filter any) uint64 {
		h, err := Hash(list, filter)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	type filter struct {
		Status []string
		Search *string
	}
	word, blank := "vinç", ""
	ours := hash("workOrders", filter{Status: []string{"DRAFT"}})
	other := func(change func(*Order)) Order {
		o := byCreated
		change(&o)
		return o
	}
	at := position{time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC), 42}
	for name, s := range map[string]string{
		"one of another list":                codec.encode(byCreated, hash("services", filter{Status: []string{"DRAFT"}}), at),
		"one of another filter value":        codec.encode(byCreated, hash("workOrders", filter{Status: []string{"CLOSED"}}), at),
		"one without a filter":               codec.encode(byCreated, hash("workOrders", filter{}), at),
		"one with a filter more":             codec.encode(byCreated, hash("workOrders", filter{[]string{"DRAFT"}, &word}), at),
		"one with an empty text as a filter": codec.encode(byCreated, hash("workOrders", filter{[]string{"DRAFT"}, &blank}), at),
		"one of another order":               codec.encode(other(func(o *Order) { o.Name = "PLANNED_START" }), ours, at),
		"one of an order that begins alike":  codec.encode(other(func(o *Order) { o.Name = "CREATED" }), ours, at),
		"one of the other direction":         codec.encode(other(func(o *Order) { o.Desc = false }), ours, at),
		"one made with another key":          NewCodec([]byte("another key")).encode(byCreated, ours, at),
		"one with a text for a time":         codec.encode(byCreated, ours, position{"ab", 42}),
		"one with a day for a time":          codec.encode(byCreated, ours, position{calendar.Date{Year: 2026, Month: time.March, Day: 1}, 42}),
		"nothing":                            "",
		"words":                              "not a cursor",
		"a seal without a cursor":            base64.RawURLEncoding.EncodeToString(codec.seal(nil)),
		"a cursor without a position":        base64.RawURLEncoding.EncodeToString(codec.seal([]byte{version})),
		"a cursor of the next version":       base64.RawURLEncoding.EncodeToString(codec.seal(append([]byte{version + 1}, sealed(t, codec.encode(byCreated, ours, at))[1:]...))),
		"one with padding":                   codec.encode(byCreated, ours, at) + "=",
		"one with a line break":              codec.encode(byCreated, ours, at) + "\n",
		"one with a line break inside":       strings.Replace(codec.encode(byCreated, ours, at), "A", "\r\nA", 1),
		"one in the other alphabet":          base64.RawStdEncoding.EncodeToString(append(sealed(t, codec.encode(byCreated, ours, at)), 0xfb, 0xff)),
		"a very long one":                    strings.Repeat("A", 1_000_000),
		"its first half":                     codec.encode(byCreated, ours, at)[:24],
		"itself twice":                       strings.Repeat(codec.encode(byCreated, ours, at), 2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, a := range []Args{{After: &s}, {Before: &s}} {
				p, err := codec.New(a, Limits{20, 100}, byCreated, ours)
				if p != nil || !apperr.Is(err, apperr.BadCursor) {
					t.Errorf("got %v, error %v; want BAD_CURSOR", p, err)
				}
			}
		})
	}
	own := codec.encode(byCreated, ours, at)
	if _, err := codec.New(Args{After: &own, Before: &own}, Limits{20, 100}, byCreated, ours); err != nil {
		t.Errorf("our own cursor: %v", err)
	}
}

func sealed(t *testing.T, cursor string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEverySingleFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order Order
		value any
	}{
		"in a cursor with a time": {byCreated, time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)},
		"in a cursor with a text": {byTitle, "şahin gemi acenteliği"},
		"in a cursor with a day":  {byDay, calendar.Date{Year: 2026, Month: time.March, Day: 1}},
		"in one with a number":    {bySortNo, 1250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := codec.encode(c.order, 99, position{c.value, 42})
			raw := sealed(t, s)
			for bit := range 8 * len(raw) {
				flipped := append([]byte{}, raw...)
				flipped[bit/8] ^= 1 << (bit % 8)
				if at, err := codec.decode(base64.RawURLEncoding.EncodeToString(flipped), c.order, 99); !apperr.Is(err, apperr.BadCursor) {
					t.Errorf("bit %d: got %v, error %v", bit, at, err)
				}
			}
			for bit := range 8 * len(s) {
				flipped := []byte(s)
				flipped[bit/8] ^= 1 << (bit % 8)
				if at, err := codec.decode(string(flipped), c.order, 99); !apperr.Is(err, apperr.BadCursor) {
					t.Errorf("bit %d of the text: got %v, error %v", bit, at, err)
				}
			}
		})
	}
}

func TestHashNeedsAFilterThatCanBeWritten(t *testing.T) {
	t.Parallel()
	if _, err := Hash("workOrders", make(chan int)); err == nil {
		t.Error("a channel was hashed")
	}
}

func TestCursorOfAnUnknownKindOfValuePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a cursor was made of a float")
		}
	}()
	codec.encode(byCreated, 0, position{1.5, 1})
}

// orders has one of each kind.
var orders = []Order{Time: byCreated, Text: byTitle, Day: byDay, Number: bySortNo}

// FuzzDecode gives the decoder what a client could send. It accepts only what the
// encoder writes.
func FuzzDecode(f *testing.F) {
	f.Add(codec.encode(byCreated, 99, position{time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC), 42}), uint(Time))
	f.Add(codec.encode(byTitle, 99, position{"şahin", 42}), uint(Text))
	f.Add(codec.encode(byTitle, 99, position{"", 1})+"\n", uint(Text))
	f.Add(codec.encode(byDay, 99, position{calendar.Date{Year: 2026, Month: time.March, Day: 1}, 42}), uint(Day))
	f.Add(codec.encode(bySortNo, 99, position{10, 42}), uint(Number))
	f.Add("AQAAAAAAAABjAQ", uint(Time))
	f.Fuzz(func(t *testing.T, s string, kind uint) {
		o := orders[kind%uint(len(orders))]
		at, err := codec.decode(s, o, 99)
		if err != nil {
			if !apperr.Is(err, apperr.BadCursor) || at != nil {
				t.Errorf("refused as %v with %v", err, at)
			}
			return
		}
		if again := codec.encode(o, 99, *at); again != s {
			t.Errorf("accepted %q, of which the own form is %q", s, again)
		}
	})
}

// FuzzDecodeSealed gives the decoder what only a holder of the key could make.
func FuzzDecodeSealed(f *testing.F) {
	f.Add(sealedPart(byCreated, time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)), uint(Time))
	f.Add(sealedPart(byTitle, "şahin"), uint(Text))
	f.Add(sealedPart(byDay, calendar.Date{Year: 2026, Month: time.March, Day: 1}), uint(Day))
	f.Add(sealedPart(bySortNo, 10), uint(Number))
	f.Add([]byte{version}, uint(Time))
	f.Fuzz(func(t *testing.T, b []byte, kind uint) {
		o := orders[kind%uint(len(orders))]
		at, err := codec.decode(base64.RawURLEncoding.EncodeToString(codec.seal(b)), o, 99)
		switch {
		case err != nil && !apperr.Is(err, apperr.BadCursor):
			t.Errorf("refused as %v", err)
		case err == nil && o.Kind == Time && at.value.(time.Time).Location() != time.UTC: //nolint:errcheck,forcetypeassert // a panic fails the test
			t.Errorf("time is not in UTC: %v", at.value)
		}
	})
}

func sealedPart(o Order, value any) []byte {
	b, err := base64.RawURLEncoding.DecodeString(codec.encode(o, 99, position{value, 42}))
	if err != nil {
		panic(err)
	}
	return b[:len(b)-sealSize]
}
