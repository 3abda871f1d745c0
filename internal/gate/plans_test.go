package gate_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/workorderperson"
	"aliaport/internal/aliatest"
	"aliaport/internal/gate"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

const (
	stays  = 20_000
	parked = 150 // of them, still inside
)

// busy is a port with two years of stays.
func busy(t *testing.T, p *port) (orders []*ent.WorkOrder, persons []*ent.WorkOrderPerson) {
	t.Helper()
	for range 200 {
		wo := p.order("APPROVED")
		orders, persons = append(orders, wo), append(persons, p.person(wo, workorderperson.StatusApproved))
	}
	columns := []string{
		"created_at", "updated_at", "work_order_id", "wo_number", "wo_status", "subject", "person_id", "plate_norm", "is_foreign_plate", "checklist_complete",
		"is_exception", "exception_reason", "entry_at", "entry_is_manual", "entry_by", "entry_by_name", "exit_at", "exit_is_manual", "base_minutes", "is_superseded",
	}
	_, err := p.DB.BulkInsert(t.Context(), gatelog.Table, columns, func(yield func([]any, error) bool) {
		for i := range stays {
			entry := now.Add(time.Duration(i-stays) * time.Hour)
			var person, plate, exit, reason any
			if i%10 == 0 {
				person = persons[i/10%len(persons)].ID
			} else {
				plate = fmt.Sprintf("%02dA%04d", i%1000%81+1, i%1000)
			}
			if exception := i%97 == 0; exception {
				reason = "Amir onayladı"
			}
			if inside := i >= stays-parked; !inside {
				exit = entry.Add(time.Hour)
			} else if plate != nil {
				plate = fmt.Sprintf("34B%04d", i%10_000)
			}
			if !yield([]any{
				now, now, orders[i%len(orders)].ID, "WO", "APPROVED", "VEHICLE", person, plate, false, false,
				reason != nil, reason, entry, false, 1, "x", exit, false, 240, false,
			}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DB.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	return orders, persons
}

var walked = regexp.MustCompile(`^SCAN gate_logs$|TEMP B-TREE`)

// TestEveryListOfStaysWalksAnIndex asks the planners how the lists are read among
// 20,000 stays.
func TestEveryListOfStaysWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		orders, persons := busy(t, p)
		rec := aliatest.Record(db)
		s := *p.Service
		s.DB = &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		ctx := p.ctx()
		from := &page.Range{From: new(now.AddDate(0, -8, 0)), To: new(now.AddDate(0, -2, 0))}
		order, person := orderID(orders[7]), &globalid.ID{Type: "WorkOrderPerson", Key: persons[0].ID}
		asked := map[string]struct {
			index string
			few   bool // rows in all: PostgreSQL may sort them
			ask   func(a page.Args) (*page.List[*ent.GateLog], error)
		}{
			"inside now": {"gate_logs_inside", true, func(a page.Args) (*page.List[*ent.GateLog], error) { return s.InsideNow(ctx, a) }},
		}
		for name, c := range map[string]struct {
			index string
			few   bool
			f     gate.Filter
		}{
			"all":                     {"gate_logs_entry", false, gate.Filter{}},
			"of a range":              {"gate_logs_entry", false, gate.Filter{EntryAt: from}},
			"of an order":             {"gate_logs_work_order_id", true, gate.Filter{WorkOrder: order}},
			"of an order in a range":  {"gate_logs_work_order_id", true, gate.Filter{WorkOrder: order, EntryAt: from}},
			"of a plate":              {"gate_logs_plate", true, gate.Filter{Plate: new("12 A 0011")}},
			"of a plate in a range":   {"gate_logs_plate", true, gate.Filter{Plate: new("12 A 0011"), EntryAt: from}},
			"of plates that begin so": {"gate_logs_plate_prefix", false, gate.Filter{PlatePrefix: new("1")}},
			"of a person":             {"gate_logs_person_id", true, gate.Filter{Person: person}},
			"exceptions":              {"gate_logs_exception", true, gate.Filter{IsException: new(true)}},
			"exceptions of a range":   {"gate_logs_exception", true, gate.Filter{IsException: new(true), EntryAt: from}},
			"inside":                  {"gate_logs_inside", true, gate.Filter{IsInside: new(true)}},
		} {
			for _, d := range []page.Direction{page.Asc, page.Desc} {
				field := gate.ByEntry
				if c.f.PlatePrefix != nil {
					field = gate.ByPlate
				}
				asked[name+" "+string(d)] = struct {
					index string
					few   bool
					ask   func(a page.Args) (*page.List[*ent.GateLog], error)
				}{c.index, c.few, func(a page.Args) (*page.List[*ent.GateLog], error) {
					return s.List(ctx, c.f, &gate.Order{Field: field, Direction: d}, a)
				}}
			}
		}
		for name, c := range asked {
			rec.Sent = nil
			l, err := c.ask(page.Args{First: new(20)})
			if err != nil || len(l.Nodes) == 0 {
				t.Fatalf("%s: %v: %d rows", name, err, len(l.Nodes))
			}
			if l.Info.HasNextPage {
				for _, a := range []page.Args{{First: new(20), After: l.Info.EndCursor}, {Last: new(20), Before: l.Info.EndCursor}} {
					if _, err := c.ask(a); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
			}
			for _, sent := range rec.Sent {
				plans(t, db, name, sent, c.index, c.few)
			}
			rec.Sent = nil
			if _, err := l.Count(ctx); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if name != "all ASC" && name != "all DESC" { // which counts everything
				plans(t, db, name+", counted", rec.Sent[0], "gate_logs_", true)
			}
		}
		for name, c := range map[string]struct {
			indexes []string
			ask     func() error
		}{
			"the newest": {[]string{"gate_logs_entry", "gate_logs_exit"}, func() error { return second(s.Newest(ctx, 10)) }},
			"those of orders": {[]string{"gate_logs_work_order_id"}, func() error {
				return second(gate.NewestOf(ctx, s.DB.Client, []int64{orders[1].ID, orders[2].ID, orders[3].ID}))
			}},
			"overtime": {[]string{"", "", "gate_logs_order_inside"}, func() error { return second(s.Overtime(ctx, *order)) }},
		} {
			rec.Sent = nil
			if err := c.ask(); err != nil || len(rec.Sent) != len(c.indexes) {
				t.Fatalf("%s: %v: %d statements", name, err, len(rec.Sent))
			}
			for i, sent := range rec.Sent {
				if c.indexes[i] != "" {
					plans(t, db, name, sent, c.indexes[i], name != "the newest")
				}
			}
		}
	})
}

// plans complains unless the statement is answered by the index, without a sort of
// more than a few rows.
func plans(t *testing.T, db *store.DB, name string, s aliatest.Statement, index string, few bool) {
	t.Helper()
	explain, column := "EXPLAIN QUERY PLAN ", 3
	if db.Dialect() == dialect.Postgres {
		explain, column = "EXPLAIN ", 0
	}
	var plan strings.Builder
	for _, row := range aliatest.Rows(t, db.Reader(), explain+s.Text, s.Args...) {
		plan.WriteString(row[column] + "\n")
		bad := strings.Contains(row[column], "Seq Scan on gate_logs") || strings.Contains(row[column], "Sort  (") && !strings.Contains(row[column], "Incremental") && !few
		if db.Dialect() == dialect.SQLite {
			bad = walked.MatchString(row[column]) && !few || row[column] == "SCAN gate_logs"
		}
		if bad {
			t.Errorf("%s: %s", name, row[column])
		}
	}
	if !strings.Contains(plan.String(), index) {
		t.Errorf("%s is not read from %s:\n%s%s", name, index, s.Text, plan.String())
	}
}
