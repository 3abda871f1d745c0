// Package report makes the monthly report of work orders (aylık iş emri raporu): the
// figures of a month in Istanbul as they stood at one moment, added up by the database
// in one snapshot, and kept as a version that never changes.
package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/monthlyreport"
	"aliaport/ent/notificationevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/notification"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service makes and lists reports.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Log        *slog.Logger
	Pages      *page.Codec
	PageLimits page.Limits
}

// Month is a month in Istanbul.
type Month struct{ first calendar.Date }

// ParseMonth reads 2026-01.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil || t.Format("2006-01") != text || t.Year() < 2000 {
		return Month{}, fmt.Errorf("%q is no month: want one such as 2026-01", text)
	}
	return Month{calendar.Date{Year: t.Year(), Month: t.Month(), Day: 1}}, nil
}

// MonthOf is the month of a moment.
func MonthOf(t time.Time) Month {
	d := calendar.DateOf(t)
	d.Day = 1
	return Month{d}
}

// Before is the month before.
func (m Month) Before() Month { return MonthOf(m.first.AddDays(-1).Start()) }

// Start is its first moment, End that of the next month.
func (m Month) Start() time.Time { return m.first.Start().UTC() }

// End is the first moment of the month after.
func (m Month) End() time.Time { return MonthOf(m.first.AddDays(31).Start()).Start() }

func (m Month) String() string { return m.first.String()[:len("2026-01")] }

// GenerateInput asks for a report.
type GenerateInput struct {
	Month string // 2026-01
}

// Generate makes another version of a month's report. The month must be over, so that
// its figures are.
func (s *Service) Generate(ctx context.Context, in GenerateInput) (*ent.MonthlyReport, error) {
	if err := actor.Require(ctx, actor.ReportExport); err != nil {
		return nil, err
	}
	last := MonthOf(s.Now()).Before()
	month, err := ParseMonth(in.Month)
	if err != nil || month.End().After(s.Now()) {
		return nil, apperr.New(apperr.ReportMonth, "last", last).At("month")
	}
	return s.Make(ctx, month, func(*ent.Tx, *ent.MonthlyReport) error { return nil })
}

// Make adds up a month, keeps it and tells who may read it. The last that the transaction does is to
// ask made, which may refuse.
func (s *Service) Make(ctx context.Context, month Month, made func(*ent.Tx, *ent.MonthlyReport) error) (*ent.MonthlyReport, error) {
	if err := actor.Require(ctx, actor.ReportExport); err != nil {
		return nil, err
	}
	begun := time.Now() //nolint:forbidigo // measures a duration
	c, err := s.collect(ctx, month)
	if err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		newest, err := tx.MonthlyReport.Query().Where(monthlyreport.Month(month.String())).Order(monthlyreport.ByVersion(sql.OrderDesc())).First(ctx)
		switch {
		case ent.IsNotFound(err):
			c.Version = 1
		case err != nil:
			return err
		default:
			c.Version = newest.Version + 1
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		create := tx.MonthlyReport.Create().SetMonth(month.String()).SetVersion(c.Version).SetContent(string(text)).
			SetSha256(hex.EncodeToString(sum[:])).SetDurationMs(int(time.Since(begun).Milliseconds())).SetCreatedAt(c.GeneratedAt)
		if who := actor.From(ctx); who.ID != 0 {
			create.SetRequestedBy(who.ID)
		}
		r, err := create.Save(ctx)
		if err != nil {
			return err
		}
		id = r.ID
		_, err = notification.Publish(ctx, tx, s.Now(), notification.Event{
			Kind: notificationevent.KindMonthlyReportReady, Key: fmt.Sprintf("%s:%d", r.Month, r.Version), Entity: "MonthlyReport", EntityID: id,
			Data: map[string]any{"month": r.Month, "version": r.Version},
		})
		if err != nil {
			return err
		}
		err = audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Create, Resource: audit.MonthlyReport, EntityID: id, Extra: map[string]any{
			"month": r.Month, "version": r.Version, "sha256": r.Sha256,
		}})
		if err != nil {
			return err
		}
		return made(tx, r)
	})
	if store.Classify(err).Is("monthly_reports_month_version") { // somebody else made one at the same moment
		return nil, apperr.New(apperr.Duplicate).At("month")
	}
	if err != nil {
		return nil, fmt.Errorf("keep the report of %s: %w", month, err)
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	return s.DB.MonthlyReport.Get(ctx, id)
}

// Filter narrows the list.
type Filter struct{ Month *string }

// List returns one page of the reports, the newest month and version first.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.MonthlyReport], error) {
	if err := actor.Require(ctx, actor.ReportRead); err != nil {
		return nil, err
	}
	hash, err := page.Hash("monthlyReports", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "MONTH", Column: monthlyreport.FieldMonth, Kind: page.Text, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	where := func(q *sql.Selector) {
		if f.Month != nil {
			q.Where(sql.EQ(q.C(monthlyreport.FieldMonth), *f.Month))
		}
	}
	rows, err := s.DB.MonthlyReport.Query().Where(where, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", err)
	}
	return page.Read(p, rows, func(r *ent.MonthlyReport) (any, int64) { return r.Month, r.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.MonthlyReport.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count reports: %w", err)
		}
		return n, nil
	}), nil
}

// ContentOf reads what a report says.
func ContentOf(r *ent.MonthlyReport) (*Content, error) {
	c := &Content{}
	if err := json.Unmarshal([]byte(r.Content), c); err != nil {
		return nil, fmt.Errorf("read the report %s version %d: %w", r.Month, r.Version, err)
	}
	return c, nil
}
