package walk

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"aliaport/internal/plan"
)

// Report is what was found out about all that the API can ask of a database.
type Report struct {
	Database   string      `json:"database"`
	Questions  int         `json:"questions"`
	Statements []Explained `json:"statements"`
	Nested     []Nested    `json:"nested"`
	Problems   []string    `json:"problems"`
}

// Explained is a statement with what is wrong with its plans.
type Explained struct {
	Text     string   `json:"text"`
	Fields   []string `json:"fields"`
	Question string   `json:"question"`
	Plan     string   `json:"plan"` // for the first arguments
	Indexes  []string `json:"indexes,omitempty"`
	Findings []Found  `json:"findings,omitempty"`
}

// Found is a finding. Those that are accepted fail nothing.
type Found = plan.Finding

var (
	// searched is how SQLite looks for a part of a text.
	searched = regexp.MustCompile(`(?i)instr\(\S*search_text`)
	// ranged is a range whose ends are arguments, in a plan of PostgreSQL.
	ranged = regexp.MustCompile(`[<>]=? (\$|ROW\(\$)`)
)

// accepted tells why a finding stays as it is; empty if it does not.
func accepted(dialect string, f plan.Finding, s *Statement) string {
	switch {
	case dialect != plan.Postgres && searched.MatchString(s.Text), f.Indexed && strings.Contains(f.Plan, "search_text"):
		return "docs/decisions/0003-search-on-sqlite.md"
	case f.Kind == plan.FaultFilter && slices.Contains(s.Fields, "dashboard.newestGateEvents"):
		return "corrected stays are few: ten others are found at once"
	case dialect != plan.Postgres && f.Kind == plan.FaultScan && slices.Equal(s.Fields, []string{"GateLog.correction"}):
		return "after ANALYZE, SQLite takes an index that is nearly all NULL for useless; it scans once a level"
	case f.Mode == "generic" && f.Indexed && ranged.MatchString(f.Plan):
		return "a plan for any arguments takes every range for one row in 200; the one for these arguments is in order"
	}
	return ""
}

// Examine asks everything and judges every statement, each for at most sets of
// its arguments.
func (w *Walk) Examine(ctx context.Context, i *plan.Inspector, sets int) (*Report, error) {
	if _, err := w.Run(ctx); err != nil {
		return nil, err
	}
	nested, err := w.NestedLists(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Questions: w.asked, Nested: nested, Problems: w.problems}
	for _, text := range w.order {
		s := w.statements[text]
		e := Explained{Text: s.Text, Fields: s.Fields, Question: s.Question}
		if !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "WITH") {
			r.Problems = append(r.Problems, fmt.Sprintf("%s sends what is no query: %.60s", s.Question, text))
			continue
		}
		for k, args := range s.Args[:min(sets, len(s.Args))] {
			plans, found, err := i.Inspect(ctx, text, args, k == 0)
			if err != nil {
				return nil, err
			}
			if k == 0 {
				e.Plan = plans[0].String()
			}
			for _, p := range plans {
				for _, name := range p.Indexes() {
					if !slices.Contains(e.Indexes, name) {
						e.Indexes = append(e.Indexes, name)
					}
				}
			}
			for _, f := range found {
				f.Accepted = cmp.Or(accepted(i.Dialect, f, s), f.Accepted)
				if !slices.ContainsFunc(e.Findings, func(o Found) bool { return o.Kind == f.Kind && o.Table == f.Table }) {
					e.Findings = append(e.Findings, f)
				}
			}
		}
		r.Statements = append(r.Statements, e)
	}
	return r, nil
}

// Faults are the findings that are not accepted, a line each: lists whose statements
// grow, statements that scan, sort or read in vain, and what could not be asked.
// Estimates that are far off are none: they tell that ANALYZE is due.
func (r *Report) Faults() (lines []string) {
	lines = append(lines, r.Problems...)
	for _, n := range r.Nested {
		for _, g := range n.Grows {
			lines = append(lines, fmt.Sprintf("%s: %s", strings.Join(n.Path, " > "), g))
		}
	}
	for _, s := range r.Statements {
		for _, f := range s.Findings {
			if f.Accepted == "" && f.Kind != plan.FaultEstimate {
				lines = append(lines, fmt.Sprintf("%s (%s): %s: %s", s.Question, strings.Join(s.Fields, ", "), f.Kind, f.Text))
			}
		}
	}
	return lines
}

// WriteText writes the report for people: what is wrong first.
func (r *Report) WriteText(out io.Writer, all bool) error {
	var b strings.Builder
	counts := map[string]int{}
	fmt.Fprintf(&b, "%s: %d questions, %d statements, %d nested lists\n", r.Database, r.Questions, len(r.Statements), len(r.Nested))
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\nnot asked: %s\n", p)
	}
	for _, n := range r.Nested {
		for _, g := range n.Grows {
			fmt.Fprintf(&b, "\nN+1: %s\n  %s\n", strings.Join(n.Path, " > "), g)
		}
	}
	for _, s := range r.Statements {
		wrong := false
		for _, f := range s.Findings {
			key := cmp.Or(map[bool]string{true: "accepted"}[f.Accepted != ""], f.Kind)
			counts[key]++
			if f.Accepted != "" && !all {
				continue
			}
			wrong = true
			fmt.Fprintf(&b, "\n%s: %s\n  asked by  %s\n  sent for  %s\n", f.Kind, f.Text, s.Question, strings.Join(s.Fields, ", "))
			if len(f.Columns) > 0 {
				fmt.Fprintf(&b, "  an index would begin with  %s (%s)\n", f.Table, strings.Join(f.Columns, ", "))
			}
			if f.Accepted != "" {
				fmt.Fprintf(&b, "  accepted  %s\n", f.Accepted)
			}
			fmt.Fprintf(&b, "  %s\n    %s\n", s.Text, strings.ReplaceAll(f.Plan, "\n", "\n    "))
		}
		if all && !wrong {
			fmt.Fprintf(&b, "\n%s (%s)\n  %s\n    %s\n", s.Question, strings.Join(s.Fields, ", "), s.Text, strings.ReplaceAll(s.Plan, "\n", "\n    "))
		}
	}
	if all {
		b.WriteByte('\n')
		for _, n := range r.Nested {
			fmt.Fprintf(&b, "%s:", strings.Join(n.Path, " > "))
			for _, size := range PageSizes {
				fmt.Fprintf(&b, "  %d rows %d", size, n.Statements[size])
			}
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "\n%d faults (%d scans, %d sorts, %d filters without index); %d estimates far off; %d accepted\n",
		len(r.Faults()), counts[plan.FaultScan], counts[plan.FaultSort], counts[plan.FaultFilter], counts[plan.FaultEstimate], counts["accepted"])
	_, err := io.WriteString(out, b.String())
	return err
}
