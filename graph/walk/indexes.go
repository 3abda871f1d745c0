package walk

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"aliaport/internal/plan"
)

// Indexes are those of a database with what the API uses them for.
type Indexes struct {
	Database string       `json:"database"`
	Indexes  []plan.Usage `json:"indexes"`
	// Missing are the findings that an index would mend.
	Missing []Missing `json:"missing"`
}

// Missing is an index that is not there.
type Missing struct {
	Question string   `json:"question"`
	Table    string   `json:"table"`
	Columns  []string `json:"columns,omitempty"` // that it would begin with, where that is known
	Text     string   `json:"text"`
}

// Indexes asks everything, and tells which index serves what.
func (w *Walk) Indexes(ctx context.Context, i *plan.Inspector) (*Indexes, *Report, error) {
	list, parents, err := i.Catalog(ctx) // before: what is asked now is counted too
	if err != nil {
		return nil, nil, err
	}
	r, err := w.Examine(ctx, i, 1)
	if err != nil {
		return nil, nil, err
	}
	at := map[string]*plan.Usage{}
	for k := range list {
		at[list[k].Name] = &list[k]
	}
	all := &Indexes{}
	for _, s := range r.Statements {
		for k, name := range s.Indexes {
			if p := parents[name]; p != "" {
				name = p
				s.Indexes[k] = p
			}
			u := at[name]
			if u == nil {
				continue // of a primary key
			}
			if u.Questions++; u.Questions == 1 {
				u.Question, u.Field = s.Question, strings.Join(s.Fields, ", ")
			}
		}
		for _, f := range s.Findings {
			if f.Accepted == "" && f.Kind != plan.FaultEstimate {
				all.Missing = append(all.Missing, Missing{s.Question, f.Table, f.Columns, f.Text})
			}
		}
	}
	all.Indexes = list
	return all, r, nil
}

// Unused are the indexes that nothing is known to use.
func (x *Indexes) Unused() (names []string) {
	for _, u := range x.Indexes {
		if v := u.Verdict(); v == "unused" || v == "not read by queries" {
			names = append(names, u.Name)
		}
	}
	return names
}

// WriteText writes a line for each index, and what is missing or not needed.
func (x *Indexes) WriteText(out io.Writer) error {
	fmt.Fprintf(out, "%s: %d indexes\n\n", x.Database, len(x.Indexes))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TABLE\tINDEX\tKB\tROWS\tSCANS\tWRITES\tFOR\tASKED BY")
	known := func(n int64) string {
		if n < 0 {
			return "–"
		}
		return fmt.Sprint(n)
	}
	for _, u := range x.Indexes {
		asked := u.Question
		if u.Questions > 1 {
			asked = fmt.Sprintf("%s and %d more", asked, u.Questions-1)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\n", u.Table, u.Name, (u.Bytes+1023)/1024, u.Rows, known(u.Scans), known(u.Writes), u.Verdict(), asked)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range x.Unused() {
		fmt.Fprintf(out, "\nnothing that can be asked uses %s\n", name)
	}
	for _, m := range x.Missing {
		columns := ""
		if len(m.Columns) > 0 {
			columns = " (" + strings.Join(m.Columns, ", ") + ")"
		}
		fmt.Fprintf(out, "\nmissing on %s%s, for %s: %s\n", m.Table, columns, m.Question, m.Text)
	}
	return nil
}
