package globalid_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

func TestIDsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	types := []string{"WorkOrder", "WorkOrderItem", "WorkOrderStatusHistory", "Cari", "Service", "User", "AuditEvent"}
	for range 5000 {
		id := globalid.ID{Type: types[r.IntN(len(types))], Key: 1 + int64(r.Uint64()>>(1+r.IntN(63)))%math.MaxInt64}
		got, err := globalid.Parse(id.String())
		if err != nil || got != id {
			t.Fatalf("%+v came back as %+v, error %v", id, got, err)
		}
		var written bytes.Buffer
		id.MarshalGQL(&written)
		var s string
		var read globalid.ID
		if err := json.Unmarshal(written.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		if err := read.UnmarshalGQL(s); err != nil || read != id {
			t.Fatalf("%+v came back as %+v, error %v", id, read, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	raw := base64.RawURLEncoding.EncodeToString
	of := func(s string) string { return raw([]byte(s)) }
	for name, c := range map[string]struct {
		in   string
		want globalid.ID // none: refused
	}{
		"an id":                             {of("WorkOrder:42"), globalid.ID{Type: "WorkOrder", Key: 42}},
		"the largest key":                   {of("Cari:9223372036854775807"), globalid.ID{Type: "Cari", Key: math.MaxInt64}},
		"nothing":                           {"", globalid.ID{}},
		"a bare number":                     {"42", globalid.ID{}},
		"the id in clear":                   {"WorkOrder:42", globalid.ID{}},
		"padding":                           {base64.URLEncoding.EncodeToString([]byte("WorkOrder:4")), globalid.ID{}},
		"bits behind the end":               {"Q2FyaTo0Mm", globalid.ID{}},
		"the alphabet with plus and slash":  {base64.RawStdEncoding.EncodeToString([]byte("Cari>>?:7")), globalid.ID{}},
		"letters outside the alphabet":      {"Wo!!", globalid.ID{}},
		"a line break at the end":           {of("WorkOrder:42") + "\n", globalid.ID{}},
		"line breaks inside":                {of("WorkOrder:42")[:4] + "\r\n" + of("WorkOrder:42")[4:], globalid.ID{}},
		"a blank in front":                  {" " + of("WorkOrder:42"), globalid.ID{}},
		"no colon":                          {of("WorkOrder"), globalid.ID{}},
		"no type":                           {of(":42"), globalid.ID{}},
		"no key":                            {of("WorkOrder:"), globalid.ID{}},
		"a key of letters":                  {of("WorkOrder:abc"), globalid.ID{}},
		"a key of zero":                     {of("WorkOrder:0"), globalid.ID{}},
		"a negative key":                    {of("WorkOrder:-42"), globalid.ID{}},
		"a plus before the key":             {of("WorkOrder:+42"), globalid.ID{}},
		"a leading zero":                    {of("WorkOrder:042"), globalid.ID{}},
		"an underscore in the key":          {of("WorkOrder:4_2"), globalid.ID{}},
		"a hexadecimal key":                 {of("WorkOrder:0x2a"), globalid.ID{}},
		"a blank before the key":            {of("WorkOrder: 42"), globalid.ID{}},
		"digits of another script":          {of("WorkOrder:٤٢"), globalid.ID{}},
		"a fraction":                        {of("WorkOrder:42.0"), globalid.ID{}},
		"a key with something behind":       {of("WorkOrder:42:1"), globalid.ID{}},
		"one more than the largest key":     {of("WorkOrder:9223372036854775808"), globalid.ID{}},
		"a key that is far too large":       {of("WorkOrder:" + strings.Repeat("9", 40)), globalid.ID{}},
		"an id that is too long to look at": {of(strings.Repeat("W", 100) + ":42"), globalid.ID{}},
		"an id of a million letters":        {strings.Repeat("V", 1_000_000), globalid.ID{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := globalid.Parse(c.in)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if c.want == (globalid.ID{}) && !apperr.Is(err, apperr.BadUserInput) || c.want != (globalid.ID{}) && err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestUnmarshalTakesStringsOnly(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, 42, int64(42), json.Number("42"), 4.2, true, []any{}, map[string]any{}} {
		var id globalid.ID
		if err := id.UnmarshalGQL(v); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("%T: error %v, want BAD_USER_INPUT", v, err)
		}
	}
}

func TestOfNamesOneType(t *testing.T) {
	t.Parallel()
	id := globalid.ID{Type: "WorkOrder", Key: 42}
	if key, err := id.Of("WorkOrder"); key != 42 || err != nil {
		t.Errorf("got %d, error %v", key, err)
	}
	for _, other := range []string{"Cari", "workorder", "WorkOrderItem", ""} {
		if key, err := id.Of(other); key != 0 || !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("as %q: got %d, error %v", other, key, err)
		}
	}
}

// FuzzParse accepts only what String writes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"V29ya09yZGVyOjQy", "Q2FyaToxCg", "Q2FyaTox\n", "", "Og", "Q2FyaTowMQ", "====", "Q2FyaTo0Mm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := globalid.Parse(s)
		if err != nil {
			if !apperr.Is(err, apperr.BadUserInput) || id != (globalid.ID{}) {
				t.Errorf("refused as %v with %+v", err, id)
			}
			return
		}
		if id.Type == "" || id.Key < 1 || id.String() != s {
			t.Errorf("%q is taken for %+v, whose own form is %q", s, id, id.String())
		}
	})
}
