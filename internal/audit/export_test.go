package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

var exportTime = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func exporter(db *store.DB) *Exporter {
	return NewExporter(&Trail{DB: db}, func() time.Time { return exportTime }, 1)
}

func auditor(ctx context.Context) context.Context {
	ctx = actor.WithRequest(ctx, &actor.Request{ID: "disari-0001", Method: "HTTP", Path: "/audit/export"})
	return actor.With(ctx, actor.New(7, "", "", nil, []actor.Permission{actor.AuditRead}))
}

// many loads n events of January, every third by user 5, with about size bytes of
// changes each.
func many(t testing.TB, db *store.DB, n, size int) {
	t.Helper()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	changes, err := json.Marshal(map[string]any{"subject": []any{nil, strings.Repeat("ş", size/2)}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.BulkInsert(t.Context(), auditevent.Table, Columns, func(yield func([]any, error) bool) {
		for i := range n {
			e := sample()
			e.ID, e.CreatedAt, e.Changes, e.UserID = int64(i+1), begin.Add(time.Duration(i)*time.Second), changes, nil
			if i%3 == 0 {
				e.UserID = new(int64(5))
			}
			if !yield(Values(e), nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnExportIsWholeAndItsManifestTellsWhatItHas(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		many(t, db, 2100, 20)
		from, to := time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC), time.Date(2026, 1, 1, 0, 33, 20, 0, time.UTC)
		filter, err := ParseFilter(`{"resource": "cari", "createdAt": {"from": "2026-01-01T00:00:03Z", "to": "2026-01-01T00:33:20Z"}}`)
		if err != nil || filter.CreatedAt == nil || !filter.CreatedAt.From.Equal(from) || !filter.CreatedAt.To.Equal(to) {
			t.Fatalf("filter %+v, error %v", filter, err)
		}
		var want bytes.Buffer
		err = Walk(t.Context(), db, func(s *sql.Selector) { (&page.Range{From: &from, To: &to}).Within(auditevent.FieldCreatedAt)(s) }, func(e *ent.AuditEvent) error {
			line, err := AppendLine(nil, e)
			want.Write(append(line, '\n'))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		m, err := exporter(db).Export(auditor(t.Context()), Wanted{Format: JSONL, Filter: filter}, &got)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) || got.Len() == 0 {
			t.Errorf("%d bytes, want %d", got.Len(), want.Len())
		}
		sum := sha256.Sum256(got.Bytes())
		if m.Rows != 1997 || *m.FirstID != 4 || *m.LastID != 2000 || m.Bytes != int64(got.Len()) || m.SHA256 != hex.EncodeToString(sum[:]) ||
			m.ID != "disari-0001" || *m.ExportedBy != 7 || !m.ExportedAt.Equal(exportTime) || !m.FirstAt.Equal(from) {
			t.Errorf("manifest %+v", m)
		}
		again, err := ParseFilter(string(m.Filter))
		if err != nil || *again.Resource != "cari" || !again.CreatedAt.To.Equal(to) || strings.Contains(string(m.Filter), "null") {
			t.Errorf("filter of the manifest %s: %v", m.Filter, err)
		}
		deeds := db.AuditEvent.Query().Where(auditevent.Action(string(Export))).Order(auditevent.ByID()).AllX(t.Context())
		if len(deeds) != 2 || !strings.Contains(string(deeds[0].Extra), "begun") || !strings.Contains(string(deeds[1].Extra), m.SHA256) || *deeds[0].UserID != 7 ||
			deeds[1].Outcome != OK || deeds[1].Resource != "audit_event" {
			t.Errorf("in the trail: %v", deeds)
		}
	})
}

func TestAnExportForSpreadsheets(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		e := sample()
		e.Path, e.RequestID, e.UserAgent = "=1+1", "ç;\"x\",y", new("@SUM(A1)\r\nx")
		bare := &ent.AuditEvent{ID: 43, CreatedAt: e.CreatedAt.Add(time.Second), Method: "CLI", Path: "-", Action: "login", Resource: "auth", Outcome: Failed, StatusCode: 401}
		if _, err := db.BulkInsert(t.Context(), auditevent.Table, Columns, func(yield func([]any, error) bool) {
			_ = yield(Values(e), nil) && yield(Values(bare), nil)
		}); err != nil {
			t.Fatal(err)
		}
		for _, semicolon := range []bool{false, true} {
			var out bytes.Buffer
			m, err := exporter(db).Export(auditor(t.Context()), Wanted{Format: CSV, Semicolon: semicolon, Filter: Filter{CreatedAt: &page.Range{To: &exportTime}}}, &out)
			if err != nil {
				t.Fatal(err)
			}
			text, bom := strings.CutPrefix(out.String(), "\xef\xbb\xbf")
			if !bom || m.Rows != 2 || m.Bytes != int64(out.Len()) {
				t.Errorf("byte order mark: %v, manifest %+v", bom, m)
			}
			r := csv.NewReader(strings.NewReader(text))
			if semicolon {
				r.Comma = ';'
			}
			rows, err := r.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			want := [][]string{
				Columns,
				{"42", "2026-01-02T03:04:05.000007Z", "7", "OPERASYON,SAHA", "GRAPHQL", "'=1+1", "update", "cari", "42", "OK", "200", "12", "ç;\"x\",y", "192.0.2.7", "'@SUM(A1)\nx", `{"amount":["1.50",null],"title":["Eski","Şöyle"]}`, `{"a":[0,1.50,0.250],"b":{"a":100,"z":1}}`},
				{"43", "2026-01-02T03:04:06.000007Z", "", "", "CLI", "'-", "login", "auth", "", "FAILED", "401", "0", "", "", "", "", ""},
			}
			if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", want) {
				t.Errorf("got\n%q\nwant\n%q", rows, want)
			}
		}
	})
}

func TestCellsCannotBeFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a=b": "a=b", "/graphql#X": "/graphql#X", "'=1": "'=1", " =1": " =1", "İskele": "İskele", "{}": "{}",
		"=1": "'=1", "+90": "'+90", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "＝1": "'＝1", "＋": "'＋", "－": "'－", "＠": "'＠",
	} {
		if got := Cell(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// FuzzCell: nothing that a spreadsheet would reckon with comes through, and nothing
// is lost.
func FuzzCell(f *testing.F) {
	f.Add("=HYPERLINK(\"x\")")
	f.Add("\xff＝")
	f.Fuzz(func(t *testing.T, text string) {
		got := Cell(text)
		if strings.TrimPrefix(got, "'") != text && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(got)[0]) {
			t.Errorf("%q stayed %q", text, got)
		}
	})
}

func TestRefusedExportsWriteNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		clerk := actor.With(t.Context(), actor.New(8, "", "", nil, []actor.Permission{actor.ReportExport}))
		action, resource := "create", "cari"
		for name, c := range map[string]struct {
			ctx  func() context.Context
			want Wanted
			code apperr.Code
		}{
			"by nobody":                 {t.Context, Wanted{Format: CSV}, apperr.Unauthenticated},
			"without the right":         {func() context.Context { return clerk }, Wanted{Format: CSV}, apperr.Forbidden},
			"in no format":              {func() context.Context { return auditor(t.Context()) }, Wanted{}, apperr.BadUserInput},
			"by what no index can find": {func() context.Context { return auditor(t.Context()) }, Wanted{Format: CSV, Filter: unindexed(action, resource)}, apperr.FilterNotIndexed},
		} {
			var out bytes.Buffer
			if m, err := exporter(db).Export(c.ctx(), c.want, &out); !apperr.Is(err, c.code) || m != nil || out.Len() > 0 {
				t.Errorf("%s: %v, error %v, wrote %q", name, m, err, out.String())
			}
		}
		if n := db.AuditEvent.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d lines in the trail", n)
		}
	})
	for _, text := range []string{"{", "[]", `{"sail": 1}`, `{} {}`, `{"createdAt": 1}`, `"x"`, `{}]`, `{"users": [null]}`, `{"outcomes": ["A", "B", "C"]}`, `{"path": "\u0000"}`, `{"actions": ["\u0000"]}`} {
		if f, err := ParseFilter(text); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("%s is %+v, error %v", text, f, err)
		}
	}
}

func TestExportsWaitTheirTurn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		many(t, db, 10, 20)
		x := exporter(db)
		_, err := x.Export(auditor(t.Context()), Wanted{Format: JSONL}, writer(func([]byte) error {
			_, err := x.Export(auditor(t.Context()), Wanted{Format: JSONL}, io.Discard)
			if busy, ok := errors.AsType[*apperr.Error](err); !ok || busy.Code != apperr.RateLimited || busy.RetryAfter <= 0 {
				t.Errorf("the second: %v", err)
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Export(auditor(t.Context()), Wanted{Format: JSONL}, io.Discard); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// writer is a function that is written to.
type writer func([]byte) error

func (w writer) Write(b []byte) (int, error) {
	if err := w(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func TestAnExportWithoutAReaderEnds(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		many(t, db, 5000, 200)
		gone := errors.New("the client is gone")
		pieces := 0
		_, err := exporter(db).Export(auditor(t.Context()), Wanted{Format: CSV}, writer(func([]byte) error {
			if pieces++; pieces == 2 {
				return gone
			}
			return nil
		}))
		if !errors.Is(err, gone) {
			t.Fatal(err)
		}
		last := db.AuditEvent.Query().Where(auditevent.Action(string(Export))).Order(auditevent.ByID(sql.OrderDesc())).FirstX(t.Context())
		if last.Outcome != Failed || !strings.Contains(string(last.Extra), "failed") {
			t.Errorf("in the trail: %v", last)
		}
		if pieces != 2 {
			t.Errorf("%d pieces were written", pieces)
		}
	})
}

func TestAnExportSeesOneMoment(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		many(t, db, 2500, 100)
		written := false
		m, err := exporter(db).Export(auditor(t.Context()), Wanted{Format: JSONL}, writer(func([]byte) error {
			if written {
				return nil
			}
			written = true
			return db.InTx(t.Context(), func(tx *ent.Tx) error {
				return Record(t.Context(), tx, exportTime, Event{Action: Login, Resource: Auth})
			})
		}))
		if err != nil || m.Rows != 2501 { // and the line that it was begun
			t.Errorf("manifest %+v, error %v", m, err)
		}
	})
}

func TestMemoryOfAnExportDoesNotGrow(t *testing.T) { //nolint:paralleltest // it measures the heap
	memory(t, 8000, 2000)
}

// memory exports n events of so many bytes and measures what is alive meanwhile.
func memory(t *testing.T, n, size int) {
	t.Helper()
	const allowed = 8 << 20 // batches of 1000 events in rows of the driver and of ent, and buffers
	for _, dialectName := range []string{"sqlite3", "postgres"} {
		t.Run(dialectName, func(t *testing.T) { //nolint:paralleltest // it measures the heap
			db := aliatest.Open(t, dialectName)
			many(t, db, n, size)
			alive := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before, most, bytes, next := alive(), uint64(0), 0, 0
			m, err := exporter(db).Export(auditor(t.Context()), Wanted{Format: CSV}, writer(func(b []byte) error {
				if bytes += len(b); bytes >= next {
					next += 1 << 20
					most = max(most, alive())
				}
				return nil
			}))
			if err != nil || m.Rows != int64(n)+1 {
				t.Fatalf("manifest %+v, error %v", m, err)
			}
			grown := max(most, before) - before
			t.Logf("%d events, %d MB written, at most %.1f MB more were alive", m.Rows, bytes>>20, float64(grown)/(1<<20))
			if grown > allowed || bytes < allowed {
				t.Errorf("%d bytes more were alive while %d were written", grown, bytes)
			}
		})
	}
}
