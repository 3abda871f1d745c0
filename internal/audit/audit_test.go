package audit

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

func TestPersonalValuesAreMasked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field       string
		value, want any
	}{
		"of a TCKN the last two digits stay":   {"national_id", "10000000146", "*********46"},
		"of an IBAN both ends stay":            {"iban", "TR330006100519786457841326", "TR33******************1326"},
		"of a phone number the last two stay":  {"phone", "+90 232 555 12 34", "***************34"},
		"of a password hash nothing stays":     {"password_hash", "$argon2id$v=19$m=1$c2FsdA$c3Vt", "***"},
		"a TCKN that is too short hides whole": {"national_id", "12", "***"},
		"an IBAN that is too short":            {"iban", "TR331326", "***"},
		"no value stays no value":              {"phone", nil, nil},
		"an empty value stays empty":           {"phone", "", ""},
		"a number is masked too":               {"national_id", int64(10000000146), "*********46"},
		"other fields are kept":                {"title", "Şahin Lojistik", "Şahin Lojistik"},
		"a tax number is public":               {"tax_number", "1234567890", "1234567890"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := Changes{c.field: {c.value, "TR000000000000000000000000"}}
			if got := masked(changes)[c.field][0]; got != c.want {
				t.Errorf("old value: got %v, want %v", got, c.want)
			}
			if got := masked(Changes{c.field: {nil, c.value}})[c.field]; got[0] != nil || got[1] != c.want {
				t.Errorf("new value: got %v, want %v", got, c.want)
			}
			if changes[c.field][0] != c.value {
				t.Errorf("the caller's value became %v", changes[c.field][0])
			}
		})
	}
}

func TestClipNeverCutsALetterInHalf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		n    int
		want string
	}{
		"short enough":              {"İzmir", 6, "İzmir"},
		"between two letters":       {"İzmir", 2, "İ"},
		"in the middle of a letter": {"İzmir", 1, ""},
		"in an emoji":               {"a😀", 4, "a"},
		"to nothing":                {"abc", 0, ""},
	} {
		if got := Clip(c.in, c.n); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	letters := []rune("abçğıİöşü€😀")
	for range 2000 {
		text := make([]rune, r.IntN(40))
		for i := range text {
			text[i] = letters[r.IntN(len(letters))]
		}
		whole, n := string(text), r.IntN(80)
		got := Clip(whole, n)
		if len(got) > n || !utf8.ValidString(got) || !strings.HasPrefix(whole, got) {
			t.Fatalf("Clip(%q, %d) = %q", whole, n, got)
		}
		if rest := whole[len(got):]; rest != "" {
			if _, next := utf8.DecodeRuneInString(rest); len(got)+next <= n {
				t.Fatalf("Clip(%q, %d) = %q drops a letter that fits", whole, n, got)
			}
		}
	}
}

func TestSetNotesChangesByValue(t *testing.T) {
	t.Parallel()
	number := decimal.RequireFromString
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		before, after any
		want          bool
	}{
		"5 and 5.00 are the same decimal":       {number("5"), number("5.00"), false},
		"0 and 0.0000 are the same decimal":     {number("0"), number("0.0000"), false},
		"500 and 5e2 are the same decimal":      {number("500"), number("5e2"), false},
		"5 and 5.01 are not":                    {number("5"), number("5.01"), true},
		"-0 is 0":                               {number("-0"), number("0"), false},
		"the same text":                         {"vinç", "vinç", false},
		"another case":                          {"vinç", "Vinç", true},
		"a blank more":                          {"vinç", "vinç ", true},
		"a value where there was none":          {nil, "vinç", true},
		"none where there was a value":          {"vinç", nil, true},
		"none and none":                         {nil, nil, false},
		"an empty text where there was no text": {nil, "", true},
		"the same instant":                      {noon, noon.Add(0), false},
		"an instant later":                      {noon, noon.Add(time.Microsecond), true},
		"yes and yes":                           {true, true, false},
		"yes and no":                            {true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := Changes{}
			changes.Set("field", c.before, c.after)
			got, noted := changes["field"]
			if noted != c.want {
				t.Fatalf("noted: %v, want %v", noted, c.want)
			}
			if noted && (got[0] != c.before || got[1] != c.after) {
				t.Errorf("noted %v", got)
			}
		})
	}
}

func TestRecordWritesEveryColumn(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	now := start.Add(1234 * time.Millisecond)
	clerk := actor.New(7, "clerk@aliaport.example", "Deniz", []string{"OPERASYON", "SAHA"}, nil)
	long := strings.Repeat("ş", 300)
	for name, c := range map[string]struct {
		who  *actor.Actor
		req  *actor.Request
		e    Event
		want ent.AuditEvent
	}{
		"a change by a clerk over GraphQL": {
			clerk, &actor.Request{ID: "r-1", Method: "GRAPHQL", Path: "/graphql#UpdateCari", IP: "192.0.2.7", UserAgent: "curl/8", Start: start},
			Event{
				Action: Update, Resource: Cari, EntityID: 42, Extra: map[string]any{"note": "şöyle"},
				Changes: Changes{"iban": {nil, "TR330006100519786457841326"}, "title": {"Eski", "Yeni"}},
			},
			ent.AuditEvent{
				UserID: new(int64(7)), Roles: "OPERASYON,SAHA", Method: "GRAPHQL", Path: "/graphql#UpdateCari", Action: "update", Resource: "cari",
				EntityID: new("42"), Outcome: auditevent.OutcomeOk, StatusCode: 200, DurationMs: 1234, RequestID: "r-1",
				IP: new("192.0.2.7"), UserAgent: new("curl/8"), CreatedAt: now,
				Changes: json.RawMessage(`{"iban": [null, "TR33******************1326"], "title": ["Eski", "Yeni"]}`),
				Extra:   json.RawMessage(`{"note": "şöyle"}`),
			},
		},
		"a step by the system without a request": {
			actor.System("seed"), nil,
			Event{Action: Start, Resource: WorkOrder, EntityID: 1},
			ent.AuditEvent{
				Method: "CLI", Path: "-", Action: "start", Resource: "work_order", EntityID: new("1"),
				Outcome: auditevent.OutcomeOk, StatusCode: 200, CreatedAt: now,
			},
		},
		"something that nobody did to no single record": {
			nil, &actor.Request{Method: "JOB"},
			Event{Action: Delete, Resource: Auth},
			ent.AuditEvent{
				Method: "JOB", Path: "-", Action: "delete", Resource: "auth",
				Outcome: auditevent.OutcomeOk, StatusCode: 200, CreatedAt: now,
			},
		},
		"a refusal keeps the status of its code": {
			clerk, nil,
			Event{Action: AccessDenied, Resource: WorkOrder, EntityID: 3, Outcome: Denied, Code: apperr.Forbidden},
			ent.AuditEvent{
				UserID: new(int64(7)), Roles: "OPERASYON,SAHA", Method: "CLI", Path: "-", Action: "access_denied", Resource: "work_order",
				EntityID: new("3"), Outcome: auditevent.OutcomeDenied, StatusCode: 403, CreatedAt: now,
			},
		},
		"a failure without a code is the server's": {
			clerk, nil,
			Event{Action: LoginFailed, Resource: Auth, Outcome: Failed},
			ent.AuditEvent{
				UserID: new(int64(7)), Roles: "OPERASYON,SAHA", Method: "CLI", Path: "-", Action: "login_failed", Resource: "auth",
				Outcome: auditevent.OutcomeFailed, StatusCode: 500, CreatedAt: now,
			},
		},
		"what is too long is clipped between letters": {
			actor.New(7, "", "", []string{long, long}, nil), &actor.Request{Path: long, IP: long, UserAgent: long},
			Event{Action: Create, Resource: Service, EntityID: 5},
			ent.AuditEvent{
				UserID: new(int64(7)), Roles: long[:200], Method: "CLI", Path: long[:300], Action: "create", Resource: "service",
				EntityID: new("5"), Outcome: auditevent.OutcomeOk, StatusCode: 200, IP: new(long[:64]), UserAgent: new(long[:300]), CreatedAt: now,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				ctx := t.Context()
				if c.who != nil {
					ctx = actor.With(ctx, c.who)
				}
				if c.req != nil {
					ctx = actor.WithRequest(ctx, c.req)
				}
				if err := db.InTx(ctx, func(tx *ent.Tx) error { return Record(ctx, tx, now, c.e) }); err != nil {
					t.Fatal(err)
				}
				same(t, db.AuditEvent.Query().OnlyX(t.Context()), c.want)
			})
		})
	}
}

// same compares all columns but the id.
func same(t *testing.T, got *ent.AuditEvent, want ent.AuditEvent) {
	t.Helper()
	columns := func(e *ent.AuditEvent) map[string]any {
		m := map[string]any{"created_at": e.CreatedAt.UTC()}
		for name, doc := range map[string]json.RawMessage{"changes": e.Changes, "extra": e.Extra} {
			var v any
			if len(doc) > 0 {
				if err := json.Unmarshal(doc, &v); err != nil {
					t.Fatal(err)
				}
			}
			m[name] = v // PostgreSQL keeps JSON in a form of its own
		}
		v := reflect.ValueOf(e).Elem()
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case !f.IsExported() || f.Name == "ID" || f.Name == "Changes" || f.Name == "Extra" || f.Name == "CreatedAt":
			case f.Type.Kind() == reflect.Pointer && !v.Field(i).IsNil():
				m[f.Name] = v.Field(i).Elem().Interface()
			case f.Type.Kind() == reflect.Pointer:
				m[f.Name] = nil
			default:
				m[f.Name] = v.Field(i).Interface()
			}
		}
		return m
	}
	g, w := columns(got), columns(&want)
	if len(g) < 16 {
		t.Errorf("only %d columns compared", len(g))
	}
	for name := range w {
		if !reflect.DeepEqual(g[name], w[name]) {
			t.Errorf("%s: got %#v, want %#v", name, g[name], w[name])
		}
	}
}

func TestNoLineOfTheTrailOutlivesItsTransaction(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		refused := errors.New("refused")
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			if err := Record(t.Context(), tx, time.Now(), Event{Action: Create, Resource: Cari, EntityID: 1}); err != nil {
				return err
			}
			if n := tx.AuditEvent.Query().CountX(t.Context()); n != 1 {
				t.Errorf("%d lines within the transaction", n)
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if n := db.AuditEvent.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d lines of a change that never happened", n)
		}
	})
}

func TestRecordRefusesWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for name, e := range map[string]Event{
			"changes": {Action: Create, Resource: Cari, Changes: Changes{"f": {nil, make(chan int)}}},
			"extra":   {Action: Create, Resource: Cari, Extra: map[string]any{"f": make(chan int)}},
		} {
			err := db.InTx(t.Context(), func(tx *ent.Tx) error { return Record(t.Context(), tx, time.Now(), e) })
			if err == nil {
				t.Errorf("%s that are no JSON were recorded", name)
			}
		}
	})
}
