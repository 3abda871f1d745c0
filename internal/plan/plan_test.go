package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"aliaport/internal/plan"
)

// kinds are the faults in short: kind, table, columns.
func kinds(faults []plan.Fault) (list []string) {
	for _, f := range faults {
		list = append(list, strings.TrimSpace(fmt.Sprint(f.Kind, " ", f.Table, " ", strings.Join(f.Columns, ","))))
	}
	return list
}

// port is a SQLite database: orders is big, roles is small.
func port(sorted int) plan.Facts {
	return plan.Facts{
		Rows: func(table string) int { return map[string]int{"orders": 1001, "lines": 1001, "roles": 7}[table] },
		Columns: func(table string) []string {
			return map[string][]string{
				"orders": {"id", "number", "status", "cari_id", "made_at"}, "lines": {"id", "order_id", "note"}, "roles": {"id", "name"},
			}[table]
		},
		Index: func(name string) (plan.Index, bool) {
			ix, ok := map[string]plan.Index{
				"orders_status": {Table: "orders", Columns: []string{"status", "made_at", "id"}, Alike: []int{2000, 1, 1}},
				"orders_cari":   {Table: "orders", Columns: []string{"cari_id"}, Alike: []int{9}},
				"orders_open":   {Table: "orders", Columns: []string{"made_at"}, Where: "status <> 'CLOSED'", Alike: []int{1}},
				"lines_order":   {Table: "lines", Columns: []string{"order_id"}, Alike: []int{5}},
			}[name]
			return ix, ok
		},
		Sorted: func() int { return sorted },
	}
}

func TestPlansOfSQLiteAreJudged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text   string
		steps  []string
		sorted int
		want   []string
	}{
		"a big table is scanned": {
			"SELECT * FROM `orders` WHERE `orders`.`number` = ?", []string{"SCAN orders"}, 0, []string{"scan orders number"},
		},
		"a small one may be": {"SELECT * FROM roles WHERE name = ?", []string{"SCAN roles"}, 0, nil},
		"a big one under another name": {
			"SELECT * FROM roles JOIN `orders` AS `t1` ON true WHERE t1.number = ?", []string{"SCAN roles", "SCAN t1"}, 0, []string{"scan orders number"},
		},
		"an index made for the statement": {
			"SELECT * FROM roles JOIN orders ON orders.number = roles.name",
			[]string{"SCAN roles", "SEARCH orders USING AUTOMATIC COVERING INDEX (number=?)"},
			0,
			[]string{"scan orders"},
		},
		"many rows are sorted": {
			"SELECT * FROM orders WHERE status = ? ORDER BY number LIMIT 51",
			[]string{"SEARCH orders USING INDEX orders_status (status=?)", "USE TEMP B-TREE FOR ORDER BY"},
			1001,
			[]string{"sort"},
		},
		"few rows may be": {
			"SELECT * FROM lines WHERE order_id = ? ORDER BY note",
			[]string{"SEARCH lines USING INDEX lines_order (order_id=?)", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"},
			5, nil,
		},
		"a column is compared row by row in a long range": {
			"SELECT * FROM `orders` WHERE `orders`.`status` = ? AND `orders`.`number` = ? ORDER BY made_at LIMIT 51",
			[]string{"SEARCH orders USING INDEX orders_status (status=?)"},
			0,
			[]string{"filter orders number"},
		},
		"in a short one it may be": {
			"SELECT * FROM orders WHERE cari_id = ? AND number = ?", []string{"SEARCH orders USING INDEX orders_cari (cari_id=?)"}, 0, nil,
		},
		"an index is walked for a column that it has not": {
			"SELECT * FROM orders WHERE number > ? ORDER BY status, made_at LIMIT 51", []string{"SCAN orders USING INDEX orders_status"}, 0, []string{"filter orders number"},
		},
		"an index is walked in order":      {"SELECT * FROM orders ORDER BY status LIMIT 51", []string{"SCAN orders USING INDEX orders_status"}, 0, nil},
		"what the index has is no reading": {"SELECT * FROM orders WHERE made_at > ?", []string{"SCAN orders USING COVERING INDEX orders_status"}, 0, nil},
		"a partial index answers for its condition": {
			"SELECT * FROM orders WHERE status <> 'CLOSED' ORDER BY made_at", []string{"SCAN orders USING INDEX orders_open"}, 0, nil,
		},
		"by key":                         {"SELECT * FROM orders WHERE id = ? AND number = ?", []string{"SEARCH orders USING INTEGER PRIMARY KEY (rowid=?)"}, 0, nil},
		"lists of keys are no tables":    {"SELECT 1", []string{"SCAN json_each VIRTUAL TABLE INDEX 1:", "SCAN (subquery-3)", "SCAN CONSTANT ROW"}, 0, nil},
		"a column of another table":      {"SELECT * FROM lines JOIN orders ON lines.order_id = orders.id WHERE lines.note = ? AND orders.status = ?", []string{"SEARCH orders USING INDEX orders_status (status=?)"}, 0, nil},
		"values in texts are no columns": {"SELECT * FROM orders WHERE status = 'number'", []string{"SEARCH orders USING INDEX orders_status (status=?)"}, 0, nil},
	} {
		var rows []plan.Row
		for i, s := range tt.steps {
			rows = append(rows, plan.Row{ID: i + 1, Detail: s})
		}
		if got := kinds(plan.Judge(plan.FromSQLite(rows), tt.text, port(tt.sorted), plan.DefaultLimits)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestPlansOfPostgresAreJudged(t *testing.T) {
	t.Parallel()
	facts := plan.Facts{Rows: port(0).Rows}
	for name, tt := range map[string]struct {
		doc  string
		want []string
	}{
		"a big table is scanned": {`{"Node Type": "Limit", "Plans": [{"Node Type": "Seq Scan", "Relation Name": "orders", "Filter": "(number = 'gizli'::text)"}]}`, []string{"scan orders"}},
		"a small one may be":     {`{"Node Type": "Seq Scan", "Relation Name": "roles"}`, nil},
		"many rows are sorted": {
			`{"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Sort Key": ["number"], "Actual Rows": 51, "Actual Loops": 1, "Plans": [
				{"Node Type": "Index Scan", "Index Name": "orders_status", "Relation Name": "orders", "Index Cond": "x", "Plan Rows": 2000, "Actual Rows": 2000, "Actual Loops": 1}]}]}`,
			[]string{"sort"},
		},
		"few rows may be": {
			`{"Node Type": "Sort", "Plans": [{"Node Type": "Index Scan", "Index Name": "i", "Index Cond": "x", "Actual Rows": 5, "Actual Loops": 1}]}`, nil,
		},
		"in each loop a few, together many": {
			`{"Node Type": "Sort", "Actual Rows": 20, "Actual Loops": 60, "Plans": [{"Node Type": "Index Scan", "Index Name": "i", "Index Cond": "x", "Plan Rows": 20, "Actual Rows": 20, "Actual Loops": 60}]}`,
			[]string{"sort"},
		},
		"rows are read in vain": {
			`{"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "orders", "Filter": "(number = 'gizli'::text)", "Actual Rows": 1, "Actual Loops": 2, "Rows Removed by Filter": 501}`,
			[]string{"filter orders"},
		},
		"the planner is wrong": {
			`{"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "orders", "Index Cond": "x", "Plan Rows": 5, "Actual Rows": 2000, "Actual Loops": 1}`,
			[]string{"estimate orders"},
		},
		"a limit ends what was expected to go on": {
			`{"Node Type": "Limit", "Plans": [{"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "orders", "Index Cond": "x", "Plan Rows": 20000, "Actual Rows": 51, "Actual Loops": 1}]}`,
			nil,
		},
	} {
		p, err := plan.FromPostgres([]byte(`[{"Plan": ` + tt.doc + `}]`))
		if err != nil {
			t.Fatal(err)
		}
		if got := kinds(plan.Judge(p, "", facts, plan.DefaultLimits)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if strings.Contains(p.String(), "gizli") {
			t.Errorf("%s shows a value: %s", name, p)
		}
	}
	if _, err := plan.FromPostgres([]byte(`{`)); err == nil {
		t.Error("half a plan is read")
	}
}
