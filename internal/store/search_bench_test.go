//go:build sqlite_fts5

package store_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"
)

// BenchmarkSearchOnSQLite compares two ways to find a part of a text among 200,000
// rows, newest first: walking the rows with instr, and an FTS5 trigram index.
// docs/decisions/0003-search-on-sqlite.md says what came of it.
//
//	go test -tags sqlite_fts5 -run '^$' -bench SearchOnSQLite ./internal/store
func BenchmarkSearchOnSQLite(b *testing.B) {
	const rows = 200_000
	db, err := sql.Open("sqlite3", filepath.Join(b.TempDir(), "search.db")+"?_journal_mode=WAL&_synchronous=NORMAL")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	exec := func(q string, args ...any) {
		if _, err := db.ExecContext(b.Context(), q, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, is_active bool NOT NULL, created_at text NOT NULL, search_text text NOT NULL)`)
	exec(`CREATE INDEX orders_created ON orders (is_active, created_at, id)`)
	exec(`CREATE VIRTUAL TABLE orders_fts USING fts5(search_text, content='orders', content_rowid='id', tokenize='trigram')`)
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	words := []string{"romorkaj", "pilotaj", "cekici", "iskele", "baglama", "forklift", "bakim", "yakit", "ikmal", "vinc", "gece", "acil", "konteyner", "rihtim"}
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // made-up words
	for i := range rows {
		text := fmt.Sprintf("wo-2026-%05d %s %s ile %s", i, words[dice.IntN(len(words))], words[dice.IntN(len(words))], words[dice.IntN(len(words))])
		if i == 17 {
			text += " zzgulet"
		}
		if _, err := tx.ExecContext(b.Context(), `INSERT INTO orders VALUES (?, 1, ?, ?)`, i+1, fmt.Sprintf("2026-01-01 00:00:00.%06d", i), text); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	exec(`INSERT INTO orders_fts(orders_fts) VALUES ('rebuild')`)
	exec(`ANALYZE`)
	for _, q := range []struct{ name, sql string }{
		{"walk", `SELECT id FROM orders WHERE is_active = 1 AND instr(search_text, ?) > 0 ORDER BY created_at DESC, id DESC LIMIT 51`},
		{"fts5", `SELECT o.id FROM orders o WHERE o.is_active = 1 AND o.id IN (SELECT rowid FROM orders_fts WHERE orders_fts MATCH '"' || ?1 || '"') AND instr(o.search_text, ?1) > 0 ORDER BY o.created_at DESC, o.id DESC LIMIT 51`},
	} {
		for _, word := range []string{"romorkaj", "00042", "zzgulet", "nowhere"} {
			b.Run(q.name+"/"+word, func(b *testing.B) {
				for b.Loop() {
					rows, err := db.QueryContext(b.Context(), q.sql, word)
					if err != nil {
						b.Fatal(err)
					}
					for rows.Next() {
						var id int64
						if err := rows.Scan(&id); err != nil {
							b.Fatal(err)
						}
					}
					if err := rows.Err(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprintf("insert/fts5=%t", with), func(b *testing.B) {
			id := rows * 2
			for b.Loop() {
				id++
				exec(`INSERT INTO orders VALUES (?, 1, '2026-02-01', 'wo-2026-99999 romorkaj ile pilotaj')`, id)
				if with {
					exec(`INSERT INTO orders_fts(rowid, search_text) VALUES (?, 'wo-2026-99999 romorkaj ile pilotaj')`, id)
				}
			}
			exec(`DELETE FROM orders WHERE id > ?`, rows)
		})
	}
}
