package report

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent/schema"
	"aliaport/internal/parameter"
)

// collector asks one snapshot of the database.
type collector struct {
	ctx      context.Context //nolint:containedctx // lives as long as the snapshot
	tx       *sql.Tx
	postgres bool
	from, to any
	err      error
}

const (
	// scale is that of money: sums are of whole numbers, so that SQLite does not round.
	scale = 4
	// top is how many partners and services are named.
	top = 10
	// alive leaves out what came to nothing.
	alive = "is_active AND status NOT IN ('REJECTED', 'CANCELLED')"
	// completed by now, whatever came after.
	finished = "is_active AND status IN ('COMPLETED', 'INVOICED', 'CLOSED')"
)

// collect adds a month up. All statements see the same moment.
func (s *Service) collect(ctx context.Context, m Month) (c *Content, err error) {
	late, err := parameter.Get(ctx, s.DB.Client, parameter.TripDelayMinutes)
	if err != nil {
		return nil, err
	}
	tx, err := s.DB.Reader().BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.isolation()})
	if err != nil {
		return nil, fmt.Errorf("begin the snapshot of a report: %w", err)
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, rerr)
		}
	}()
	q := &collector{ctx: ctx, tx: tx, postgres: s.DB.Dialect() == dialect.Postgres, from: m.Start(), to: m.End()}
	if q.postgres { // a month may be long; the job has its own time
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return nil, err
		}
	}
	c = &Content{Month: m.String(), From: m.Start(), To: m.End(), GeneratedAt: s.Now().UTC().Truncate(time.Microsecond)}
	q.fill(c, late)
	before := m.Before()
	earlier := *q
	earlier.from, earlier.to = before.Start(), before.End()
	earlier.headline(&c.Previous)
	if err := errors.Join(q.err, earlier.err); err != nil {
		return nil, fmt.Errorf("add up %s: %w", m, err)
	}
	return c, nil
}

func (s *Service) isolation() sql.IsolationLevel {
	if s.DB.Dialect() == dialect.Postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // a reader of SQLite sees one state until it ends
}

func (q *collector) fill(c *Content, lateMinutes int) {
	q.headline(&c.Headline)
	created := "created_at >= $1 AND created_at < $2 AND "
	c.ByStatus = q.counts("SELECT status, count(*) FROM work_orders WHERE " + created + "is_active GROUP BY 1")
	c.ByPriority = q.counts("SELECT priority, count(*) FROM work_orders WHERE " + created + "is_active GROUP BY 1")
	c.ByType = q.counts("SELECT type, count(*) FROM work_orders WHERE " + created + "is_active GROUP BY 1")
	day := "date(datetime(created_at, '+3 hours'))"
	if q.postgres {
		day = "to_char(created_at AT TIME ZONE 'Europe/Istanbul', 'YYYY-MM-DD')"
	}
	c.ByDay = q.counts("SELECT " + day + ", count(*) FROM work_orders WHERE " + created + "is_active GROUP BY 1")
	c.Approval = q.durations("SELECT " + q.seconds("h.created_at", `(SELECT max(e.created_at) FROM work_order_status_history e
		WHERE e.work_order_id = h.work_order_id AND e.id < h.id AND e.to_status = 'SUBMITTED')`) +
		" FROM work_order_status_history h WHERE h.created_at >= $1 AND h.created_at < $2 AND h.to_status = 'APPROVED' AND h.from_status = 'SUBMITTED'")
	done := finished + " AND actual_end >= $1 AND actual_end < $2"
	c.Work = q.durations("SELECT " + q.seconds("actual_end", "actual_start") + " FROM work_orders WHERE " + done + " AND actual_start IS NOT NULL")
	q.row("SELECT count(*), coalesce(sum(CASE WHEN actual_end <= planned_end THEN 1 ELSE 0 END), 0) FROM work_orders WHERE "+done+" AND planned_end IS NOT NULL",
		&c.OnTime.Planned, &c.OnTime.InTime)
	if c.OnTime.Planned > 0 {
		p := decimal.NewFromInt(100*c.OnTime.InTime).DivRound(decimal.NewFromInt(c.OnTime.Planned), 1)
		c.OnTime.Percent = &p
	}
	q.only("SELECT count(*) FROM work_orders WHERE planned_end < $1 AND created_at < $1 AND ("+schema.OverdueCondition+" OR "+finished+" AND actual_end >= $1)",
		[]any{q.to}, &c.Overdue)
	c.Created = q.value(created + alive)
	c.Invoiced = q.value("invoiced_at >= $1 AND invoiced_at < $2 AND is_active")
	c.Uninvoiced = q.valueOf(finished+" AND actual_end < $1 AND (invoiced_at IS NULL OR invoiced_at >= $1)", q.to)
	c.Adjustments = q.adjustments()
	c.TopPartners = q.tops("SELECT cari_code, max(cari_title), count(*), " + q.sum("net_total_try") + " FROM work_orders WHERE " + created + alive + " GROUP BY 1")
	c.TopServices = q.tops(`SELECT i.service_code, max(i.service_name), count(*), ` + q.sum("i.amount_try") + ` FROM work_orders o JOIN work_order_items i ON i.work_order_id = o.id
		WHERE i.service_code IS NOT NULL AND o.created_at >= $1 AND o.created_at < $2 AND o.is_active AND o.status NOT IN ('REJECTED', 'CANCELLED') GROUP BY 1`)
	q.trips(&c.Trips, lateMinutes)
	q.gate(&c.Gate)
}

func (q *collector) headline(h *Headline) {
	q.row("SELECT count(*) FROM work_orders WHERE created_at >= $1 AND created_at < $2 AND is_active", &h.Created)
	for _, n := range q.counts("SELECT to_status, count(*) FROM work_order_status_history WHERE created_at >= $1 AND created_at < $2 AND from_status IS NOT NULL GROUP BY 1") {
		if to, ok := map[string]*int64{
			"SUBMITTED": &h.Submitted, "APPROVED": &h.Approved, "REJECTED": &h.Rejected, "COMPLETED": &h.Completed,
			"INVOICED": &h.Invoiced, "CLOSED": &h.Closed, "CANCELLED": &h.Cancelled,
		}[n.Name]; ok {
			*to = n.Count
		}
	}
	h.NetTRY = q.value("created_at >= $1 AND created_at < $2 AND " + alive).NetTRY
	q.row("SELECT count(*) FROM trips WHERE is_active AND starts_at >= $1 AND starts_at < $2", &h.Trips)
	q.row("SELECT count(*) FROM gate_logs WHERE NOT is_superseded AND entry_at >= $1 AND entry_at < $2", &h.GateEntries)
}

// value adds up the orders that fit.
func (q *collector) value(where string) Value { return q.valueOf(where, q.from, q.to) }

func (q *collector) valueOf(where string, args ...any) (v Value) {
	v.ByCurrency = []Currency{}
	q.each("SELECT currency, count(*), "+q.sum("net_total")+", "+q.sum("vat_total")+", "+q.sum("grand_total")+", "+q.sum("net_total_try")+", "+
		q.sum("grand_total_try")+", coalesce(sum(CASE WHEN net_total_try IS NULL THEN 1 ELSE 0 END), 0) FROM work_orders WHERE "+where+" GROUP BY 1 ORDER BY 1",
		args, func(rows *sql.Rows) error {
			var c Currency
			var net, vat, grand, netTRY, grandTRY whole
			var without int64
			if err := rows.Scan(&c.Currency, &c.Orders, &net, &vat, &grand, &netTRY, &grandTRY, &without); err != nil {
				return err
			}
			c.Net, c.VAT, c.Grand = net.Decimal, vat.Decimal, grand.Decimal
			v.ByCurrency = append(v.ByCurrency, c)
			v.Orders += c.Orders
			v.NetTRY, v.GrandTRY = v.NetTRY.Add(netTRY.Decimal), v.GrandTRY.Add(grandTRY.Decimal)
			v.WithoutTRY += without
			return nil
		})
	return v
}

func (q *collector) adjustments() []Adjustment {
	list := []Adjustment{}
	q.each(`SELECT a.kind, o.currency, count(*), `+q.sum("a.amount")+` FROM work_orders o JOIN work_order_adjustments a ON a.work_order_id = o.id
		WHERE o.created_at >= $1 AND o.created_at < $2 AND o.is_active AND o.status NOT IN ('REJECTED', 'CANCELLED') GROUP BY 1, 2 ORDER BY 1, 2`,
		[]any{q.from, q.to}, func(rows *sql.Rows) error {
			var a Adjustment
			var amount whole
			if err := rows.Scan(&a.Kind, &a.Currency, &a.Count, &amount); err != nil {
				return err
			}
			a.Amount = amount.Decimal
			list = append(list, a)
			return nil
		})
	return list
}

// tops are the first ten by value, and then by count and code.
func (q *collector) tops(query string) []Top {
	list := []Top{}
	order := " ORDER BY 4 DESC, 3 DESC, 1"
	if q.postgres {
		query = strings.Replace(query, "SELECT ", "SELECT * FROM (SELECT ", 1) + ") t"
		order = ` ORDER BY t.value DESC, t.n DESC, t.code COLLATE "C"`
		query = strings.Replace(query, ") t", ") t (code, name, n, value)", 1)
	}
	q.each(query+order+fmt.Sprintf(" LIMIT %d", top), []any{q.from, q.to}, func(rows *sql.Rows) error {
		var t Top
		var value whole
		var name sql.NullString
		if err := rows.Scan(&t.Code, &name, &t.Count, &value); err != nil {
			return err
		}
		t.Name, t.TRY = name.String, value.Decimal
		list = append(list, t)
		return nil
	})
	return list
}

func (q *collector) trips(t *Trips, lateMinutes int) {
	delayed := func(actual, planned string) string {
		return "coalesce(" + q.seconds(actual, planned) + fmt.Sprintf(" > %d, FALSE)", 60*lateMinutes)
	}
	var sum int64
	q.row("SELECT count(*), coalesce(sum(CASE WHEN status = 'CANCELLED' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN status = 'COMPLETED' THEN 1 ELSE 0 END), 0), "+
		"coalesce(sum(CASE WHEN status = 'COMPLETED' THEN "+q.seconds("return_at", "departure_at")+" ELSE 0 END), 0), "+
		"coalesce(sum(CASE WHEN status <> 'CANCELLED' AND ("+delayed("departure_at", "planned_departure_at")+" OR "+delayed("return_at", "planned_return_at")+") THEN 1 ELSE 0 END), 0) "+
		"FROM trips WHERE is_active AND starts_at >= $1 AND starts_at < $2", &t.Count, &t.Cancelled, &t.Returned, &sum, &t.Delayed)
	if t.Returned > 0 {
		mean := sum / t.Returned
		t.Mean = &mean
	}
}

func (q *collector) gate(g *Gate) {
	q.row("SELECT count(*), coalesce(sum(CASE WHEN subject = 'PERSON' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN subject = 'VEHICLE' THEN 1 ELSE 0 END), 0), "+
		"coalesce(sum(CASE WHEN is_exception THEN 1 ELSE 0 END), 0) FROM gate_logs WHERE NOT is_superseded AND entry_at >= $1 AND entry_at < $2",
		&g.Entries, &g.Persons, &g.Vehicles, &g.Exceptions)
	q.row("SELECT count(*), coalesce(sum(overrun_minutes), 0) FROM gate_logs WHERE NOT is_superseded AND exit_at IS NOT NULL AND exit_at >= $1 AND exit_at < $2 "+
		"AND subject = 'VEHICLE' AND overrun_minutes > 0", &g.OverVehicles, &g.OverrunMinutes)
}

// seconds is the whole number of seconds between two moments, alike on both databases.
func (q *collector) seconds(to, from string) string {
	if q.postgres {
		return "(floor(extract(epoch FROM " + to + ")) - floor(extract(epoch FROM " + from + ")))::bigint"
	}
	return "(CAST(strftime('%s', " + to + ") AS INTEGER) - CAST(strftime('%s', " + from + ") AS INTEGER))"
}

// sum of money in whole ten-thousandths: SQLite keeps money as floats, and adding those
// up would lose digits.
func (q *collector) sum(column string) string {
	if q.postgres {
		return "coalesce(sum(" + column + " * 10000), 0)::numeric(38, 0)"
	}
	return "coalesce(sum(CAST(round(" + column + " * 10000) AS INTEGER)), 0)"
}

// whole is such a sum.
type whole struct{ decimal.Decimal }

// Scan implements sql.Scanner.
func (w *whole) Scan(src any) error {
	if err := w.Decimal.Scan(src); err != nil {
		return err
	}
	w.Decimal = w.Shift(-scale)
	return nil
}

// durations reads a column of seconds: eight bytes a row are kept for the percentile.
func (q *collector) durations(query string) (d Duration) {
	var all []int64
	var sum int64
	q.each(query, []any{q.from, q.to}, func(rows *sql.Rows) error {
		var took sql.NullInt64
		if err := rows.Scan(&took); err != nil {
			return err
		}
		if took.Valid {
			all = append(all, took.Int64)
			sum += took.Int64
		}
		return nil
	})
	if d.Count = int64(len(all)); d.Count == 0 {
		return d
	}
	slices.Sort(all)
	mean, p90 := sum/d.Count, all[(9*len(all)+9)/10-1]
	d.Mean, d.P90 = &mean, &p90
	return d
}

func (q *collector) counts(query string) []Count {
	list := []Count{}
	q.each(query, []any{q.from, q.to}, func(rows *sql.Rows) error {
		var n Count
		if err := rows.Scan(&n.Name, &n.Count); err != nil {
			return err
		}
		list = append(list, n)
		return nil
	})
	// By bytes, whatever the order of the database's language is.
	slices.SortFunc(list, func(a, b Count) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (q *collector) row(query string, into ...any) { q.only(query, []any{q.from, q.to}, into...) }

func (q *collector) only(query string, args []any, into ...any) {
	if q.err == nil {
		if err := q.tx.QueryRowContext(q.ctx, query, args...).Scan(into...); err != nil {
			q.err = fmt.Errorf("%s: %w", head(query), err)
		}
	}
}

// each scans all rows, unless something has failed before.
func (q *collector) each(query string, args []any, scan func(*sql.Rows) error) {
	if q.err != nil {
		return
	}
	rows, err := q.tx.QueryContext(q.ctx, query, args...)
	if err != nil {
		q.err = fmt.Errorf("%s: %w", head(query), err)
		return
	}
	defer func() {
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
			q.err = fmt.Errorf("%s: %w", head(query), err)
		}
	}()
	for err == nil && rows.Next() {
		err = scan(rows)
	}
}

// head is the beginning of a statement, for errors.
func head(query string) string {
	if len(query) > 100 {
		return query[:100] + "…"
	}
	return query
}
