// Package plan reads the query plans of both databases and judges them: which
// tables are scanned, what is sorted without an index, which filter no index serves.
// The judgement is pure; what it has to know of the database comes in Facts.
package plan

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Plan is how a database reads for a statement.
type Plan struct {
	Steps []Step `json:"steps"` // the outer ones first
	// Measured tells that the statement was run for the plan.
	Measured bool `json:"measured"`
	// Generic tells that it was made without a look at the arguments.
	Generic bool `json:"generic,omitempty"`
	// Forced tells that PostgreSQL was kept from scanning.
	Forced bool `json:"forced,omitempty"`
}

// Step is a part of a plan. It holds no values of the statement's arguments.
type Step struct {
	Depth int    `json:"depth"`
	Text  string `json:"text"`
	Kind  Kind   `json:"kind"`
	Table string `json:"table,omitempty"`
	Index string `json:"index,omitempty"`
	// Searched are the columns by which SQLite enters the index, in order; of the
	// last one there may be a range.
	Searched []string `json:"searched,omitempty"`
	// Filtered tells that rows are looked at that are not wanted.
	Filtered bool `json:"filtered,omitempty"`

	Estimated float64 `json:"estimated,omitempty"` // rows, by the planner
	Rows      float64 `json:"rows,omitempty"`      // in truth, of all loops
	Removed   float64 `json:"removed,omitempty"`   // read in vain, of all loops
	Input     float64 `json:"input,omitempty"`     // rows that are sorted
	Buffers   float64 `json:"buffers,omitempty"`   // pages of PostgreSQL, of this step and those below

	cut bool // by a limit above: fewer rows than estimated are no wonder
}

// Kind is what a step does, as far as it is judged.
type Kind string

// The kinds of steps.
const (
	Scan   Kind = "scan"   // a table, from end to end
	Walk   Kind = "walk"   // an index, from end to end or up to a limit
	Search Kind = "search" // in an index
	Sort   Kind = "sort"
	Other  Kind = "other"
)

// Indexes are the names of those that are used. One that is walked from end to end only
// because the table may not be scanned is none.
func (p *Plan) Indexes() (names []string) {
	for _, s := range p.Steps {
		if s.Index != "" && (!p.Forced || s.Kind != Walk) && !slices.Contains(names, s.Index) {
			names = append(names, s.Index)
		}
	}
	return names
}

// String writes a step a line.
func (p *Plan) String() string {
	var b strings.Builder
	for i, s := range p.Steps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.Repeat("  ", s.Depth) + s.Text)
	}
	return b.String()
}

// node is one of PostgreSQL's plan.
type node struct {
	Type      string   `json:"Node Type"`
	Table     string   `json:"Relation Name"`
	Index     string   `json:"Index Name"`
	IndexCond string   `json:"Index Cond"`
	Recheck   string   `json:"Recheck Cond"`
	Filter    string   `json:"Filter"`
	SortKey   []string `json:"Sort Key"`
	Presorted []string `json:"Presorted Key"`
	Estimated float64  `json:"Plan Rows"`
	Rows      *float64 `json:"Actual Rows"`
	Loops     float64  `json:"Actual Loops"`
	Removed   float64  `json:"Rows Removed by Filter"`
	Hit       float64  `json:"Shared Hit Blocks"`
	Read      float64  `json:"Shared Read Blocks"`
	Plans     []node   `json:"Plans"`
}

// FromPostgres reads the answer to EXPLAIN (FORMAT JSON).
func FromPostgres(doc []byte) (*Plan, error) {
	var explained []struct{ Plan node }
	if err := json.Unmarshal(doc, &explained); err != nil {
		return nil, fmt.Errorf("plan of PostgreSQL: %w", err)
	}
	p := &Plan{}
	for _, e := range explained {
		p.add(e.Plan, 0, false)
	}
	return p, nil
}

// cut tells whether a step is stopped before its end by a limit above it.
func (p *Plan) add(n node, depth int, cut bool) {
	s := Step{Depth: depth, Table: n.Table, Index: n.Index, Estimated: n.Estimated, Removed: n.Removed * n.Loops, Buffers: n.Hit + n.Read, cut: cut}
	s.Filtered = n.Filter != ""
	if n.Rows != nil {
		p.Measured = true
		s.Rows = *n.Rows * n.Loops
	}
	switch {
	case n.Type == "Seq Scan":
		s.Kind = Scan
	case strings.Contains(n.Type, "Index") && n.IndexCond == "":
		s.Kind = Walk
	case strings.Contains(n.Type, "Index"), strings.HasPrefix(n.Type, "Bitmap"), n.Type == "Tid Scan":
		s.Kind = Search
	case n.Type == "Sort" || n.Type == "Incremental Sort":
		s.Kind = Sort
	default:
		s.Kind = Other
	}
	if s.Kind == Sort && len(n.Plans) == 1 {
		s.Input = n.Plans[0].Estimated
		if below := n.Plans[0]; below.Rows != nil {
			s.Input = *below.Rows * below.Loops
		}
		cut = false // a sort reads all there is
	}
	s.Text = n.text(s)
	p.Steps = append(p.Steps, s)
	if n.Type == "Limit" {
		cut = true
	}
	for _, below := range n.Plans {
		p.add(below, depth+1, cut)
	}
}

func (n node) text(s Step) string {
	var b strings.Builder
	b.WriteString(n.Type)
	if n.Index != "" {
		b.WriteString(" using " + n.Index)
	}
	if n.Table != "" {
		b.WriteString(" on " + n.Table)
	}
	fmt.Fprintf(&b, " (rows %.0f", n.Estimated)
	if n.Rows != nil {
		fmt.Fprintf(&b, " expected, %.0f found", s.Rows)
		if n.Loops > 1 {
			fmt.Fprintf(&b, " in %.0f loops", n.Loops)
		}
		if s.Removed > 0 {
			fmt.Fprintf(&b, ", %.0f in vain", s.Removed)
		}
		fmt.Fprintf(&b, ", %.0f pages", s.Buffers)
	}
	b.WriteByte(')')
	for _, c := range []struct{ name, text string }{
		{"index", n.IndexCond}, {"filter", n.Filter}, {"by", strings.Join(n.SortKey, ", ")}, {"sorted already by", strings.Join(n.Presorted, ", ")},
	} {
		if c.text != "" {
			b.WriteString(" " + c.name + " " + WithoutValues(c.text))
		}
	}
	return b.String()
}

var quoted = regexp.MustCompile(`'(?:[^']|'')*'`)

// WithoutValues hides the texts in a condition: PostgreSQL writes arguments into its plans.
func WithoutValues(condition string) string { return quoted.ReplaceAllString(condition, "'…'") }

// Row is one of SQLite's EXPLAIN QUERY PLAN.
type Row struct {
	ID, Parent int
	Detail     string
}

var (
	sqliteRead = regexp.MustCompile(`^(SCAN|SEARCH) (\S+)(?: USING (?:(INTEGER PRIMARY KEY)|(AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?INDEX ?(\w*)))?(?: \((.*?)\))?`)
	compared   = regexp.MustCompile(`(\w+)(?:=|>|<| IS)`)
)

// FromSQLite reads the answer to EXPLAIN QUERY PLAN.
func FromSQLite(rows []Row) *Plan {
	p, depth := &Plan{}, map[int]int{}
	for _, r := range rows {
		d := 0
		if above, ok := depth[r.Parent]; ok && r.Parent != 0 {
			d = above + 1
		}
		depth[r.ID] = d
		s := Step{Depth: d, Text: r.Detail, Kind: Other}
		switch m := sqliteRead.FindStringSubmatch(r.Detail); {
		case strings.HasPrefix(r.Detail, "USE TEMP B-TREE") && strings.HasSuffix(r.Detail, "ORDER BY"):
			s.Kind = Sort
		case m == nil || strings.Contains(r.Detail, "VIRTUAL TABLE") || strings.HasPrefix(r.Detail, "SCAN CONSTANT") || strings.HasPrefix(m[2], "("):
		default:
			s.Table, s.Index = m[2], m[5]
			switch {
			case m[4] != "": // an index made for this statement alone, out of the whole table
				s.Kind, s.Index = Scan, ""
			case m[1] == "SEARCH":
				s.Kind = Search
			case m[5] != "":
				s.Kind = Walk
			default:
				s.Kind = Scan
			}
			for _, c := range compared.FindAllStringSubmatch(m[6], -1) {
				if !slices.Contains(s.Searched, c[1]) {
					s.Searched = append(s.Searched, c[1])
				}
			}
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}
