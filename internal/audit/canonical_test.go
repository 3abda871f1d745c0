package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// sample has a value in every column.
func sample() *ent.AuditEvent {
	return &ent.AuditEvent{
		ID: 42, CreatedAt: time.Date(2026, 1, 2, 6, 4, 5, 7000, time.FixedZone("+03", 3*60*60)), UserID: new(int64(7)), Roles: "OPERASYON,SAHA",
		Method: "GRAPHQL", Path: "/graphql#UpdateCari", Action: "update", Resource: "cari", EntityID: new("42"), Outcome: OK, StatusCode: 200,
		DurationMs: 12, RequestID: "istek-0001", IP: new("192.0.2.7"), UserAgent: new("curl/8 <x> & \"y\" \\ \u2028\x01\n"),
		Changes: json.RawMessage(`{ "title" : ["Eski", "Şöyle"], "amount":["1.50",null]}`), Extra: json.RawMessage(`{"b":{"z":1,"a":1e2},"a":[-0, 1.50,2.50e-1]}`),
	}
}

const sampleLine = `{"id":42,"created_at":"2026-01-02T03:04:05.000007Z","user_id":7,"roles":"OPERASYON,SAHA","method":"GRAPHQL","path":"/graphql#UpdateCari",` +
	`"action":"update","resource":"cari","entity_id":"42","outcome":"OK","status_code":200,"duration_ms":12,"request_id":"istek-0001","ip":"192.0.2.7",` +
	`"user_agent":"curl/8 <x> & \"y\" \\ ` + "\u2028" + `\u0001\n","changes":{"amount":["1.50",null],"title":["Eski","Şöyle"]},"extra":{"a":[0,1.50,0.250],"b":{"a":100,"z":1}}}`

func TestTheCanonicalFormIsWrittenDown(t *testing.T) {
	t.Parallel()
	got, err := AppendLine(nil, sample())
	if err != nil || string(got) != sampleLine {
		t.Errorf("got\n%s\nwant\n%s\nerror %v", got, sampleLine, err)
	}
	e, err := ParseLine([]byte(sampleLine))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := AppendLine(nil, e); err != nil || string(again) != sampleLine {
		t.Errorf("read and written: %s, error %v", again, err)
	}
	if !json.Valid(got) {
		t.Error("it is no JSON")
	}
	if len(Columns) != strings.Count(sampleLine[:strings.Index(sampleLine, `"changes"`)], `":`)+2 || len(Columns) != len(auditevent.Columns) || len(Values(e)) != len(Columns) {
		t.Errorf("%d columns, %d values; ent has %d", len(Columns), len(Values(e)), len(auditevent.Columns))
	}
}

// TestTheCanonicalFormIsTheSameOnBothDatabases: PostgreSQL keeps JSON in a form of its
// own, SQLite as it was given.
func TestTheCanonicalFormIsTheSameOnBothDatabases(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for i, number := range []string{"0", "-0", "-0.00", "1e2", "1E+2", "-1.50", "1.50e1", "15e-1", "-2.5E-3", "1e-7", "0e5", "-0e-2", "1.0", "123456789012345678901234567890.10", "1e30"} {
			e := sample()
			e.ID = int64(i + 1)
			e.Extra = json.RawMessage(`{"n":` + number + `,"deep":[{"b":[],"a":{}},"ğ\u0131\/"],"n":` + number + `}`)
			if _, err := db.BulkInsert(t.Context(), auditevent.Table, Columns, func(yield func([]any, error) bool) { yield(Values(e), nil) }); err != nil {
				t.Fatal(err)
			}
			want, err := AppendLine(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := AppendLine(nil, db.AuditEvent.GetX(t.Context(), e.ID))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s:\n%s\nwant\n%s, error %v", number, got, want, err)
			}
		}
	})
}

func TestOnlyCanonicalLinesAreRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"a space":             {`,"roles"`, `, "roles"`},
		"an unknown key":      {`{"id"`, `{"key":1,"id"`},
		"another order":       {`"status_code":200,"duration_ms":12`, `"duration_ms":12,"status_code":200`},
		"a missing key":       {`"status_code":200,`, ``},
		"another zone":        {`03:04:05.000007Z`, `06:04:05.000007+03:00`},
		"no microseconds":     {`05.000007Z`, `05Z`},
		"unsorted changes":    {`"amount":["1.50",null],"title":["Eski","Şöyle"]`, `"title":["Eski","Şöyle"],"amount":["1.50",null]`},
		"an exponent":         {`"z":1`, `"z":1e0`},
		"an unknown outcome":  {`"OK"`, `"MAYBE"`},
		"more behind":         {`"z":1}}}`, `"z":1}}}{}`},
		"a text for a number": {`"id":42`, `"id":"42"`},
		"an escaped letter":   {`Eski`, `\u0045ski`},
	} {
		line := strings.Replace(sampleLine, change[0], change[1], 1)
		if line == sampleLine {
			t.Fatalf("%s changes nothing", name)
		}
		if e, err := ParseLine([]byte(line)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%s: read as %v, error %v", name, e, err)
		}
	}
	for _, line := range []string{"", "null", "{}", "[]", "1"} {
		if e, err := ParseLine([]byte(line)); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("%q: read as %v, error %v", line, e, err)
		}
	}
}

// FuzzParseLine: whatever is accepted is what would be written.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(sampleLine))
	f.Add([]byte(strings.Replace(sampleLine, `"z":1`, `"z":1e999999999`, 1)))
	f.Add([]byte(strings.Replace(sampleLine, `"z":1`, `"z":[[[[[]]]]]`, 1)))
	f.Add([]byte(`{"id":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseLine(text)
		if err != nil {
			return
		}
		if again, err := AppendLine(nil, e); err != nil || !bytes.Equal(again, text) {
			t.Errorf("accepted\n%s\nwhich is written as\n%s, error %v", text, again, err)
		}
	})
}
