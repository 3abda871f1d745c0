// Package dashboard answers at a glance how the port stands (panel). Each answer is
// one statement that takes about as long for a million work orders as for none.
package dashboard

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent/gatelog"
	"aliaport/ent/schema"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/store"
	rules "aliaport/internal/workorder"
)

// Service answers for the dashboard.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	WorkOrders *rules.Service
}

// ByStatus tells how many orders stand in each status.
func (s *Service) ByStatus(ctx context.Context) ([]rules.StatusCount, error) {
	return s.WorkOrders.Counts(ctx)
}

// DueToday counts the open orders whose planned end falls on the port's today,
// passed or not.
func (s *Service) DueToday(ctx context.Context) (int, error) {
	today := calendar.DateOf(s.Now())
	return s.open(ctx, func(q *sql.Selector) {
		end := q.C(workorder.FieldPlannedEnd)
		q.Where(sql.And(sql.GTE(end, today.Start().UTC()), sql.LT(end, today.AddDays(1).Start().UTC())))
	})
}

// Overdue counts the open orders whose planned end has passed.
func (s *Service) Overdue(ctx context.Context) (int, error) {
	return s.open(ctx, func(q *sql.Selector) { q.Where(sql.LT(q.C(workorder.FieldPlannedEnd), s.Now())) })
}

// open counts orders that are neither done nor out of the game.
func (s *Service) open(ctx context.Context, when func(*sql.Selector)) (int, error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return 0, err
	}
	// Written out, so that the databases see that the partial index holds these rows.
	open := func(q *sql.Selector) { q.Where(sql.ExprP(schema.OverdueCondition)) }
	n, err := s.DB.WorkOrder.Query().Where(open, when).Aggregate(page.CountRows).Int(ctx)
	if err != nil {
		return 0, fmt.Errorf("count open work orders: %w", err)
	}
	return n, nil
}

// BoatsAtSea counts the boats on a trip. A boat is on one at a time.
func (s *Service) BoatsAtSea(ctx context.Context) (int, error) {
	if err := actor.Require(ctx, actor.TripRead); err != nil {
		return 0, err
	}
	n, err := s.DB.Trip.Query().Where(trip.StatusEQ(trip.StatusUnderway), page.Flag(trip.FieldIsActive, true)).Aggregate(page.CountRows).Int(ctx)
	if err != nil {
		return 0, fmt.Errorf("count boats at sea: %w", err)
	}
	return n, nil
}

// VehiclesInside counts the vehicles that entered and have not left.
func (s *Service) VehiclesInside(ctx context.Context) (int, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return 0, err
	}
	inside := func(q *sql.Selector) { q.Where(sql.ExprP(schema.GateInsideCondition)) }
	n, err := s.DB.GateLog.Query().Where(inside, gatelog.SubjectEQ(gatelog.SubjectVehicle)).Aggregate(page.CountRows).Int(ctx)
	if err != nil {
		return 0, fmt.Errorf("count vehicles inside: %w", err)
	}
	return n, nil
}
