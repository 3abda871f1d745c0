package transfer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/proof"
	"aliaport/internal/store"
	"aliaport/internal/transfer"
)

// compare finds the differences between two databases.
func compare(t *testing.T, from, to *store.DB) []proof.Difference {
	t.Helper()
	here, err := proof.Open(t.Context(), from, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := proof.Open(t.Context(), to, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	tables := proof.Tables()
	left, err := here.Digests(t.Context(), tables, nil)
	if err != nil {
		t.Fatal(err)
	}
	right, err := there.Digests(t.Context(), tables, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []proof.Difference
	for i, table := range tables {
		if left[i].Same(right[i]) {
			continue
		}
		found, err := proof.Differences(t.Context(), table, here, there, left[i], right[i], 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Errorf("%s differs, but no row of it", table.Name)
		}
		out = append(out, found...)
	}
	return out
}

// TestEveryDifferenceIsNamed: table, key and column, whichever side was changed.
func TestEveryDifferenceIsNamed(t *testing.T) { //nolint:tparallel // its cases change the same two databases
	t.Parallel()
	lite := seeded(t, dialect.SQLite)
	pg := aliatest.Open(t, dialect.Postgres)
	if r, err := transfer.Run(t.Context(), options(t, lite, pg)); err != nil || !r.Equal {
		t.Fatal(err)
	}
	for _, side := range []*store.DB{lite, pg} {
		exec(t, side, "UPDATE cari SET notes = NULL WHERE id = 5")
	}
	copies := "id, " + strings.Join(slices.DeleteFunc(columnsOf("work_order_status_history"), func(c string) bool { return c == "id" }), ", ")
	for _, c := range []struct{ name, do, undo, table, key, column, what string }{
		{"a cent", "UPDATE work_order_items SET total_amount = total_amount + 0.01 WHERE id = 17", "UPDATE work_order_items SET total_amount = total_amount - 0.01 WHERE id = 17", "work_order_items", "17", "total_amount", proof.Changed},
		{"the last digit of a rate", "UPDATE exchange_rates SET forex_buying = forex_buying + 0.0001 WHERE id = 3", "UPDATE exchange_rates SET forex_buying = forex_buying - 0.0001 WHERE id = 3", "exchange_rates", "3", "forex_buying", proof.Changed},
		{"a Turkish letter", "UPDATE cari SET title = title || 'ı' WHERE id = 9", "UPDATE cari SET title = substr(title, 1, length(title) - 1) WHERE id = 9", "cari", "9", "title", proof.Changed},
		{"a space at the end", "UPDATE work_orders SET subject = subject || ' ' WHERE id = 200", "UPDATE work_orders SET subject = substr(subject, 1, length(subject) - 1) WHERE id = 200", "work_orders", "200", "subject", proof.Changed},
		{"a flag", "UPDATE services SET is_active = NOT is_active WHERE id = 4", "UPDATE services SET is_active = NOT is_active WHERE id = 4", "services", "4", "is_active", proof.Changed},
		{"NULL for an empty text", "UPDATE cari SET notes = '' WHERE id = 5", "UPDATE cari SET notes = NULL WHERE id = 5", "cari", "5", "notes", proof.Changed},
		{"a lost row", "DELETE FROM work_order_status_history WHERE id = 33", "", "work_order_status_history", "33", "", ""},
		{"a row too many", "INSERT INTO work_order_status_history (" + copies + ") SELECT " + strings.Replace(copies, "id", "id + 100000", 1) + " FROM work_order_status_history WHERE id = 35", "DELETE FROM work_order_status_history WHERE id = 100035", "work_order_status_history", "100035", "", ""},
		{"a role less", "DELETE FROM user_roles WHERE user_id = 2", "", "user_roles", "2/", "", ""},
	} {
		for _, side := range []*store.DB{lite, pg} {
			t.Run(c.name+" on "+side.Dialect(), func(t *testing.T) {
				lost := aliatest.Rows(t, side.Reader(), "SELECT 1 WHERE 1 = 0")
				if c.undo == "" {
					lost = aliatest.Rows(t, side.Reader(), "SELECT "+asText(side, columnsOf(c.table))+" FROM "+c.table+strings.TrimPrefix(c.do, "DELETE FROM "+c.table))
				}
				exec(t, side, c.do)
				found := compare(t, lite, pg)
				if c.undo != "" {
					exec(t, side, c.undo)
				} else {
					restoreRows(t, side, c.table, lost)
				}
				want := c.what
				if want == "" {
					want = proof.Missing
					if (side == lite) == (c.undo == "") { // gone here, or added there
						want = proof.Surplus
					}
				}
				if len(found) != 1 || found[0].Table != c.table || !strings.HasPrefix(found[0].Key, c.key) || found[0].Column != c.column || found[0].What != want {
					t.Errorf("found %+v, want %s %s %s %s", found, c.table, c.key, c.column, want)
				}
			})
		}
	}
	for _, side := range []*store.DB{lite, pg} {
		shift := "UPDATE gate_logs SET entry_at = '%s' WHERE id = 2"
		was := aliatest.Rows(t, side.Reader(), "SELECT "+asText(side, []string{"entry_at"})+" FROM gate_logs WHERE id = 2")[0][0]
		exec(t, side, fmt.Sprintf(shift, "2020-01-02 03:04:05.000001+00:00"))
		found := compare(t, lite, pg)
		if len(found) != 1 || found[0].Table != "gate_logs" || found[0].Key != "2" || found[0].Column != "entry_at" {
			t.Errorf("a shifted moment on %s: %+v", side.Dialect(), found)
		}
		exec(t, side, fmt.Sprintf(shift, was))
	}
	if found := compare(t, lite, pg); len(found) > 0 {
		t.Errorf("all undone, and still %v", found)
	}
}

// asText reads columns as the database keeps them.
func asText(db *store.DB, columns []string) string {
	if db.Dialect() == dialect.SQLite {
		return "+" + strings.Join(columns, ", +")
	}
	return strings.Join(columns, "::text, ") + "::text"
}

func columnsOf(table string) []string {
	for _, t := range proof.Tables() {
		if t.Name == table {
			return t.ColumnNames()
		}
	}
	return nil
}

func exec(t *testing.T, db *store.DB, statement string) {
	t.Helper()
	res, err := db.Writer().ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: %d rows, error %v", statement, n, err)
	}
}

func restoreRows(t *testing.T, db *store.DB, table string, rows [][]string) {
	t.Helper()
	for _, row := range rows {
		var values []string
		for _, v := range row {
			if v == "" {
				values = append(values, "NULL")
			} else {
				values = append(values, "'"+strings.ReplaceAll(v, "'", "''")+"'")
			}
		}
		exec(t, db, "INSERT INTO "+table+" ("+strings.Join(columnsOf(table), ", ")+") VALUES ("+strings.Join(values, ", ")+")")
	}
}

// TestPreflightNamesWhatWouldNotArrive: each finding with table, key, column and remedy,
// and neither database is changed.
func TestPreflightNamesWhatWouldNotArrive(t *testing.T) {
	t.Parallel()
	db := seeded(t, dialect.SQLite)
	to := aliatest.Open(t, dialect.Postgres)
	exec1 := func(statement string) {
		t.Helper()
		if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec1("PRAGMA foreign_keys = OFF")
	exec1("PRAGMA ignore_check_constraints = ON")
	exec1("DROP INDEX cari_cari_code")
	type want struct{ table, key, column, problem string }
	var wants []want
	for _, c := range []struct {
		do string
		want
	}{
		{"UPDATE cari SET title = CAST(x'c3' AS text) WHERE id = 1", want{"cari", "1", "title", "not UTF-8"}},
		{"UPDATE cari SET notes = 'a' || char(0) || 'b' WHERE id = 2", want{"cari", "2", "notes", "NUL byte"}},
		{"UPDATE cari SET city = x'00ff' WHERE id = 3", want{"cari", "3", "city", "another type"}},
		{"UPDATE cari SET is_active = 7 WHERE id = 4", want{"cari", "4", "is_active", "another type"}},
		{"UPDATE cari SET payment_term_days = 'otuz' WHERE id = 5", want{"cari", "5", "payment_term_days", "another type"}},
		{"UPDATE cari SET payment_term_days = 3000 WHERE id = 6", want{"cari", "6", "", "breaks the rule cari_payment_term_days_check"}},
		{"UPDATE cari SET cari_code = (SELECT cari_code FROM cari WHERE id = 8) WHERE id = 7", want{"cari", "7", "cari_code", "2 rows have the same value"}},
		{"UPDATE cari SET title = replace(hex(zeroblob(150)), '0', 'ş') WHERE id = 10", want{"cari", "10", "title", "300 letters where 200 are allowed"}},
		{"UPDATE work_orders SET cari_id = 99999 WHERE id = 11", want{"work_orders", "11", "cari_id", "refers to cari 99999"}},
		{"UPDATE work_orders SET created_at = '2026-01-02 03:04:05' WHERE id = 12", want{"work_orders", "12", "created_at", "not an instant"}},
		{"UPDATE work_orders SET created_at = 1767322800 WHERE id = 13", want{"work_orders", "13", "created_at", "another type"}},
		{"UPDATE work_orders SET created_at = '2026-02-30 03:04:05.000000+00:00' WHERE id = 14", want{"work_orders", "14", "created_at", "not an instant"}},
		{"UPDATE work_orders SET created_at = '2026-01-02 03:04:05.000000+03:00' WHERE id = 15", want{"work_orders", "15", "created_at", "not an instant"}},
		{"UPDATE work_order_items SET unit_price = 1.23456 WHERE id = 16", want{"work_order_items", "16", "unit_price", "cannot keep exactly"}},
		{"UPDATE work_order_items SET unit_price = 123456789012345 WHERE id = 17", want{"work_order_items", "17", "unit_price", "cannot keep exactly"}},
		{"UPDATE work_order_items SET calculation = '{\"a\":1,\"a\":2}' WHERE id = 18", want{"work_order_items", "18", "calculation", "a key that comes twice"}},
		{"UPDATE work_order_items SET calculation = '{\"a\":\"\\u0000\"}' WHERE id = 19", want{"work_order_items", "19", "calculation", "\\u0000"}},
		{"UPDATE work_order_items SET calculation = '{' WHERE id = 20", want{"work_order_items", "20", "calculation", "not JSON"}},
		{"UPDATE exchange_rates SET bulletin_date = '2026-1-2' WHERE id = 21", want{"exchange_rates", "21", "bulletin_date", "not a date"}},
	} {
		exec1(c.do)
		wants = append(wants, c.want)
	}
	exec1("PRAGMA ignore_check_constraints = OFF")
	exec1("PRAGMA foreign_keys = ON")
	o := options(t, db, nil)
	found, _, err := transfer.Preflight(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wants {
		at := slices.IndexFunc(found, func(f transfer.Finding) bool {
			return f.Table == w.table && f.Key == w.key && f.Column == w.column && strings.Contains(f.Problem, w.problem)
		})
		if at < 0 {
			t.Errorf("not found: %+v", w)
			continue
		}
		if found[at].Remedy == "" || found[at].Warning != strings.Contains(w.problem, "letters") {
			t.Errorf("%+v", found[at])
		}
	}
	if t.Failed() {
		for _, f := range found {
			t.Log(f)
		}
	}
	o.To = to
	if _, err := transfer.Run(t.Context(), o); !errors.Is(err, transfer.ErrPreflight) {
		t.Errorf("a transfer of such rows: %v", err)
	}
	if n := aliatest.Rows(t, to.Reader(), "SELECT count(*) FROM work_orders")[0][0]; n != "0" {
		t.Errorf("%s rows arrived", n)
	}
}

func TestAPartFirstAndTheRestLater(t *testing.T) {
	t.Parallel()
	from, to := seeded(t, dialect.SQLite), aliatest.Open(t, dialect.Postgres)
	o := options(t, from, to)
	o.Only = []string{"orders"}
	if r, err := transfer.Run(t.Context(), o); err != nil || !r.Equal || r.Rows == 0 {
		t.Fatalf("%+v, error %v", r, err)
	}
	if n := aliatest.Rows(t, to.Reader(), "SELECT count(*) FROM work_orders")[0][0]; n != "300" {
		t.Errorf("%s work orders", n)
	}
	if n := aliatest.Rows(t, to.Reader(), "SELECT count(*) FROM gate_logs")[0][0]; n != "0" {
		t.Errorf("%s gate logs", n)
	}
	// Meanwhile rows change that have been copied.
	exec(t, from, "UPDATE work_orders SET subject = 'Değişti' WHERE id = 3")
	exec(t, from, "DELETE FROM work_order_status_history WHERE id = 4")
	exec(t, from, "UPDATE cari SET title = 'Şimdi' WHERE id = 5")
	o.Only = nil
	if r, err := transfer.Run(t.Context(), o); err != nil || !r.Equal {
		t.Fatalf("%+v, error %v", r, err)
	}
	if found := compare(t, from, to); len(found) > 0 {
		t.Error(found)
	}
}

func TestGroupsAreClosedUnderForeignKeys(t *testing.T) {
	t.Parallel()
	for _, group := range transfer.Groups() {
		tables, err := transfer.Select([]string{group})
		if err != nil {
			t.Fatal(err)
		}
		in := map[string]bool{}
		for _, table := range tables {
			for _, r := range table.References {
				if !in[r.Table] && r.Table != table.Name {
					t.Errorf("%s: %s comes without %s, or before it", group, table.Name, r.Table)
				}
			}
			in[table.Name] = true
		}
	}
	if _, err := transfer.Select([]string{"everything"}); err == nil {
		t.Error("an unknown group is accepted")
	}
}

func TestATargetWithRowsIsRefusedUnlessTold(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			from, to := seeded(t, dialect.SQLite), seeded(t, kind)
			exec(t, to, "UPDATE cari SET title = 'Başka' WHERE id = 5")
			o := options(t, from, to)
			if _, err := transfer.Run(t.Context(), o); !errors.Is(err, transfer.ErrNotEmpty) {
				t.Fatalf("error %v", err)
			}
			o.Replace = true
			if r, err := transfer.Run(t.Context(), o); err != nil || !r.Equal {
				t.Fatalf("%+v, error %v", r, err)
			}
		})
	}
}

// TestKeysAreNeverGivenAgain: rows left the source, and with them the highest keys.
func TestKeysAreNeverGivenAgain(t *testing.T) {
	t.Parallel()
	for _, way := range [][2]string{{dialect.SQLite, dialect.Postgres}, {dialect.Postgres, dialect.SQLite}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			from, to := seeded(t, way[0]), aliatest.Open(t, way[1])
			exec(t, from, "INSERT INTO number_sequences (kind, year, last) VALUES ('x', 2026, 1), ('y', 2026, 1), ('z', 2026, 1)")
			highest := aliatest.Rows(t, from.Reader(), "SELECT max(id) FROM number_sequences")[0][0]
			exec(t, from, "DELETE FROM number_sequences WHERE kind IN ('x', 'y', 'z')")
			r, err := transfer.Run(t.Context(), options(t, from, to))
			if err != nil || !r.Equal {
				t.Fatal(err)
			}
			exec(t, to, "INSERT INTO number_sequences (kind, year, last) VALUES ('q', 2026, 1)")
			var given int
			if _, err := fmt.Sscan(aliatest.Rows(t, to.Reader(), "SELECT max(id) FROM number_sequences")[0][0], &given); err != nil {
				t.Fatal(err)
			}
			if want := 1 + atoi(t, highest); given != want {
				t.Errorf("the next row got key %d, want %d", given, want)
			}
		})
	}
}

// TestASequenceThatStandsBehindIsFound: the next row would get a key that is taken.
func TestASequenceThatStandsBehindIsFound(t *testing.T) {
	t.Parallel()
	from, to := seeded(t, dialect.SQLite), aliatest.Open(t, dialect.Postgres)
	if r, err := transfer.Run(t.Context(), options(t, from, to)); err != nil || !r.Equal {
		t.Fatal(err)
	}
	exec(t, to, "SELECT setval(pg_get_serial_sequence('cari', 'id'), 3, false)")
	r, err := transfer.Prove(t.Context(), options(t, from, to))
	if err != nil {
		t.Fatal(err)
	}
	if r.Equal {
		t.Error("said to be equal")
	}
	for _, id := range r.Identities {
		if id.Fits() != (id.Table != "cari") || id.Table == "cari" && id.Got != 3 {
			t.Errorf("%+v", id)
		}
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAReportThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	from, to := seeded(t, dialect.SQLite), aliatest.Open(t, dialect.Postgres)
	r, err := transfer.Run(t.Context(), options(t, from, to))
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("the key of an installation, long enough")
	if err := r.Sign(key); err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := transfer.Verify(bytes.NewReader(text), key); err != nil || !again.Equal || again.Rows != r.Rows {
		t.Fatalf("%+v, error %v", again, err)
	}
	if _, err := transfer.Verify(bytes.NewReader(text), []byte("another key, long enough for its purpose")); !errors.Is(err, transfer.ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	changed := bytes.Replace(text, []byte(`"rows": 300,`), []byte(`"rows": 301,`), 1)
	if bytes.Equal(changed, text) {
		t.Fatal("nothing was changed")
	}
	if _, err := transfer.Verify(bytes.NewReader(changed), key); !errors.Is(err, transfer.ErrSignature) {
		t.Errorf("a changed report: %v", err)
	}
}
