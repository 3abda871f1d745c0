package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Facts are what a judgement has to know of the database.
type Facts struct {
	// Rows counts a table, up to somewhat more than Limits.Rows; 0 if there is none.
	Rows func(table string) int
	// Columns are those of a table of SQLite; nil if there is none.
	Columns func(table string) []string
	// Index tells about an index of SQLite.
	Index func(name string) (Index, bool)
	// Sorted counts the rows that the statement's last sort has to look at on SQLite.
	Sorted func() int
}

// Index is one of SQLite.
type Index struct {
	Table   string
	Columns []string
	Where   string // of a partial index
	Rows    int    // that it has, if the database knows
	// Alike is how many rows have the same values in the first column, the first
	// two and so on, on average; empty when the database does not know.
	Alike []int
}

// Limits say from where on something is worth a word.
type Limits struct {
	Rows     int     // tables with fewer may be scanned, as many may be sorted or read in vain
	Estimate float64 // by how many times the planner may be wrong
}

// DefaultLimits are those of the project.
var DefaultLimits = Limits{Rows: 1000, Estimate: 100}

// Fault is what is wrong with a plan.
type Fault struct {
	Kind  string `json:"kind"`
	Table string `json:"table,omitempty"`
	Text  string `json:"text"`
	// Columns are those that an index would have to begin with, as far as can be told.
	Columns []string `json:"columns,omitempty"`
	// Accepted names the decision by which it stays as it is.
	Accepted string `json:"accepted,omitempty"`
}

// The kinds of faults.
const (
	FaultScan     = "scan"     // of a big table
	FaultSort     = "sort"     // of many rows, without an index
	FaultFilter   = "filter"   // many rows are read and thrown away
	FaultEstimate = "estimate" // the planner is far off
)

// Judge finds what is wrong with the plan of a statement.
func Judge(p *Plan, text string, f Facts, l Limits) (faults []Fault) {
	add := func(kind, table string, columns []string, format string, args ...any) {
		faults = append(faults, Fault{Kind: kind, Table: table, Columns: columns, Text: fmt.Sprintf(format, args...)})
	}
	for _, s := range p.Steps {
		table := s.Table
		if f.Columns != nil && table != "" {
			table = tableOf(table, text, f)
		}
		switch s.Kind {
		case Scan:
			if n := f.Rows(table); n > l.Rows {
				add(FaultScan, table, wanted(text, s, table, f), "scans %s, which has more than %d rows: %s", table, l.Rows, s.Text)
			}
		case Sort:
			n := s.Input
			if f.Sorted != nil {
				n = float64(f.Sorted())
			}
			if n > float64(l.Rows) {
				add(FaultSort, "", nil, "sorts more than %d rows: %s", l.Rows, s.Text)
			}
		case Walk, Search:
			if f.Index == nil { // PostgreSQL has counted
				if s.Removed > float64(l.Rows) {
					add(FaultFilter, table, wanted(text, s, table, f), "reads %.0f rows of %s in vain: %s", s.Removed, table, s.Text)
				}
				break
			}
			if columns, n := residual(s, table, text, f); len(columns) > 0 && n > l.Rows && f.Rows(table) > l.Rows {
				add(FaultFilter, table, columns, "looks at the rows of %s one by one for %s: %s", table, strings.Join(columns, ", "), s.Text)
			}
		case Other:
		}
		if off, ok := wrong(s, p, l); ok && !p.Generic {
			add(FaultEstimate, table, nil, "expects %.0f rows and finds %.0f, %.0f times off: %s", s.Estimated, s.Rows, off, s.Text)
		}
	}
	return faults
}

// wrong tells how many times the planner was off, if that is worth a word.
func wrong(s Step, p *Plan, l Limits) (float64, bool) {
	if !p.Measured || l.Estimate == 0 || s.cut && s.Rows < s.Estimated || s.Table == "" {
		return 0, false
	}
	more, less := max(s.Estimated, s.Rows), max(1, min(s.Estimated, s.Rows))
	return more / less, more/less > l.Estimate && more > float64(l.Rows)
}

var (
	// where is a condition up to what follows it.
	where   = regexp.MustCompile(`(?is)\bWHERE\b(.*?)(?:\bORDER BY\b|\bGROUP BY\b|\bLIMIT\b|\bUNION\b|$)`)
	ordered = regexp.MustCompile(`(?is)\bORDER BY\b(.*?)(?:\bLIMIT\b|\)|$)`)
	name    = regexp.MustCompile("(?:[`\"]?(\\w+)[`\"]?\\.)?[`\"]?(\\w+)[`\"]?")
)

// tableOf finds the table behind an alias.
func tableOf(alias, text string, f Facts) string {
	if f.Columns(alias) != nil {
		return alias
	}
	named := regexp.MustCompile("(?i)[`\"]?\\b(\\w+)[`\"]?\\s+(?:AS\\s+)?[`\"]?" + regexp.QuoteMeta(alias) + "\\b")
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		if f.Columns(m[1]) != nil {
			return m[1]
		}
	}
	return alias
}

// conditions are the columns of a table that the statement's conditions name.
func conditions(s Step, table, text string, f Facts) []string {
	if f.Columns == nil {
		return nil
	}
	known := f.Columns(table)
	found := map[string]bool{}
	for _, w := range where.FindAllStringSubmatch(text, -1) {
		for _, m := range name.FindAllStringSubmatch(quoted.ReplaceAllString(w[1], ""), -1) {
			if (m[1] == "" || m[1] == s.Table || m[1] == table) && slices.Contains(known, m[2]) {
				found[m[2]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// residual are the columns that are compared row by row, and how many rows are
// looked at for that. What is in the index, or decides that it can be used, needs
// no look at the row.
func residual(s Step, table, text string, f Facts) (columns []string, rows int) {
	ix, ok := f.Index(s.Index)
	if !ok {
		return nil, 0 // by rowid
	}
	for _, c := range conditions(s, table, text, f) {
		if c != "id" && !slices.Contains(s.Searched, c) && !slices.Contains(ix.Columns, c) && !strings.Contains(ix.Where, c) {
			columns = append(columns, c)
		}
	}
	rows = f.Rows(table)
	if ix.Rows > 0 {
		rows = min(rows, ix.Rows)
	}
	if n := len(s.Searched); n > 0 && n <= len(ix.Alike) {
		rows = min(rows, ix.Alike[n-1])
	}
	return columns, rows
}

// wanted are the columns that an index for the statement would begin with.
func wanted(text string, s Step, table string, f Facts) []string {
	columns := conditions(s, table, text, f)
	if f.Columns == nil {
		return nil
	}
	for _, o := range ordered.FindAllStringSubmatch(text, -1) {
		for _, m := range name.FindAllStringSubmatch(o[1], -1) {
			if slices.Contains(f.Columns(table), m[2]) && !slices.Contains(columns, m[2]) {
				columns = append(columns, m[2])
			}
		}
	}
	return columns
}
