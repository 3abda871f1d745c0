package dashboard

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent/exchangerate"
	"aliaport/ent/schema"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	rules "aliaport/internal/workorder"
)

// Figures are how the port stands, for those who watch the server.
type Figures struct {
	WorkOrders    []rules.StatusCount
	InsideGate    int            // persons and vehicles
	TripsUnderway int            // boats at sea
	Bulletin      *calendar.Date // of the newest rates that were fetched; nil: there are none
}

// Figures reads them all: a few short statements, whose time does not grow with what is over.
func (s *Service) Figures(ctx context.Context) (f Figures, err error) {
	if f.WorkOrders, err = s.ByStatus(ctx); err != nil {
		return f, err
	}
	if f.TripsUnderway, err = s.BoatsAtSea(ctx); err != nil {
		return f, err
	}
	if f.InsideGate, err = s.insideGate(ctx); err != nil {
		return f, err
	}
	f.Bulletin, err = s.newestBulletin(ctx)
	return f, err
}

func (s *Service) insideGate(ctx context.Context) (int, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return 0, err
	}
	inside := func(q *sql.Selector) { q.Where(sql.ExprP(schema.GateInsideCondition)) }
	n, err := s.DB.GateLog.Query().Where(inside).Aggregate(page.CountRows).Int(ctx)
	if err != nil {
		return 0, fmt.Errorf("count entries without an exit: %w", err)
	}
	return n, nil
}

// newestBulletin is the day of the newest rates that came from a bank. Rates by hand
// do not count: they are what people do when none come.
func (s *Service) newestBulletin(ctx context.Context) (*calendar.Date, error) {
	if err := actor.Require(ctx, actor.RateRead); err != nil {
		return nil, err
	}
	var newest *calendar.Date
	for _, source := range []exchangerate.Source{exchangerate.SourceTcmb, exchangerate.SourceEvds} { // one seek each
		rows, err := s.DB.ExchangeRate.Query().Where(exchangerate.SourceEQ(source)).
			Order(exchangerate.ByBulletinDate(sql.OrderDesc()), exchangerate.ByID(sql.OrderDesc())).Limit(1).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the newest bulletin: %w", err)
		}
		if len(rows) > 0 && (newest == nil || rows[0].BulletinDate.After(*newest)) {
			newest = &rows[0].BulletinDate
		}
	}
	return newest, nil
}
