// Package watch looks for what goes wrong by nobody's doing: trips that are late,
// vehicles that stay too long, orders that are overdue. Each is told once.
package watch

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/ent/gatelog"
	"aliaport/ent/notificationevent"
	"aliaport/ent/pricelist"
	"aliaport/ent/schema"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/internal/calendar"
	"aliaport/internal/notification"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// Service looks when it is told to.
type Service struct {
	DB  *store.DB
	Now func() time.Time
}

const (
	// recent is how far back is looked: what went wrong before is no news.
	recent = 30 * 24 * time.Hour
	// most is how many are told in one look; the next goes on with the others.
	most = 500
	// stale is how old the newest rates may be: a weekend and a holiday.
	stale = 4
	// ahead is how many days before its end a price list is told of.
	ahead = 7
)

// untold leaves out what has been told, so that a look finds new things however much
// there is.
func untold(kind notificationevent.Kind) func(*sql.Selector) {
	return func(s *sql.Selector) {
		id := s.C("id")
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("NOT EXISTS (SELECT 1 FROM notification_events e WHERE e.dedupe_key = ").Arg(string(kind) + ":").WriteString(" || CAST(").Ident(id).WriteString(" AS TEXT))")
		}))
	}
}

// tell publishes in a transaction of its own.
func (s *Service) tell(ctx context.Context, events []notification.Event) (told int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		told, err = notification.Publish(ctx, tx, s.Now(), events...)
		return err
	})
	return told, err
}

// TripsLate tells of boats that have not departed or come back in time.
func (s *Service) TripsLate(ctx context.Context) (told int, err error) {
	minutes, err := parameter.Get(ctx, s.DB.Client, parameter.TripDelayMinutes)
	if err != nil {
		return 0, err
	}
	limit := s.Now().Add(-time.Duration(minutes) * time.Minute)
	var events []notification.Event
	for kind, where := range map[notificationevent.Kind]func(*sql.Selector){
		notificationevent.KindTripNotDeparted: func(q *sql.Selector) {
			q.Where(sql.And(sql.EQ(q.C(trip.FieldStatus), trip.StatusPlanned), sql.LT(q.C(trip.FieldStartsAt), limit), sql.GTE(q.C(trip.FieldStartsAt), limit.Add(-recent))))
		},
		notificationevent.KindTripDelayed: func(q *sql.Selector) {
			q.Where(sql.And(sql.EQ(q.C(trip.FieldStatus), trip.StatusUnderway), sql.LT(q.C(trip.FieldPlannedReturnAt), limit)))
		},
	} {
		late, err := s.DB.Trip.Query().Where(page.Flag(trip.FieldIsActive, true), where, untold(kind)).WithMotorbot().Limit(most).All(ctx)
		if err != nil {
			return 0, fmt.Errorf("look for late trips: %w", err)
		}
		for _, t := range late {
			planned := t.PlannedDepartureAt
			if kind == notificationevent.KindTripDelayed && t.PlannedReturnAt != nil {
				planned = *t.PlannedReturnAt
			}
			events = append(events, about(kind, "Trip", t.ID, map[string]any{
				"tripNo": t.TripNo, "boat": t.Edges.Motorbot.MBCode + " " + t.Edges.Motorbot.Name, "plannedAt": notification.Instant(planned),
			}))
		}
	}
	return s.tell(ctx, events)
}

func about(kind notificationevent.Kind, entity string, id int64, data map[string]any) notification.Event {
	return notification.Event{Kind: kind, Key: strconv.FormatInt(id, 10), Entity: entity, EntityID: id, Data: data}
}

// VehiclesInside tells of vehicles that have been inside for longer than their fee covers.
func (s *Service) VehiclesInside(ctx context.Context) (told int, err error) {
	minutes, err := parameter.Get(ctx, s.DB.Client, parameter.StayBaseMinutes)
	if err != nil {
		return 0, err
	}
	inside, err := s.DB.GateLog.Query().Where(func(q *sql.Selector) {
		q.Where(sql.ExprP(schema.GateInsideCondition))
		q.Where(sql.And(sql.EQ(q.C(gatelog.FieldSubject), gatelog.SubjectVehicle), sql.LT(q.C(gatelog.FieldEntryAt), s.Now().Add(-time.Duration(minutes)*time.Minute))))
	}, untold(notificationevent.KindVehicleOver4h)).Limit(most).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for vehicles inside: %w", err)
	}
	var events []notification.Event
	for _, l := range inside {
		plate := "–"
		if l.VehiclePlate != nil {
			plate = *l.VehiclePlate
		}
		events = append(events, about(notificationevent.KindVehicleOver4h, "GateLog", l.ID, map[string]any{"plate": plate, "woNumber": l.WoNumber, "entryAt": notification.Instant(l.EntryAt)}))
	}
	return s.tell(ctx, events)
}

// OrdersOverdue tells of orders that have not ended as planned.
func (s *Service) OrdersOverdue(ctx context.Context) (told int, err error) {
	for {
		now := s.Now()
		overdue, err := s.DB.WorkOrder.Query().Where(func(q *sql.Selector) {
			q.Where(sql.ExprP(schema.OverdueCondition))
			q.Where(sql.And(sql.LT(q.C(workorder.FieldPlannedEnd), now), sql.GTE(q.C(workorder.FieldPlannedEnd), now.Add(-recent))))
		}, untold(notificationevent.KindWorkOrderOverdue)).Limit(most).All(ctx)
		if err != nil {
			return told, fmt.Errorf("look for overdue orders: %w", err)
		}
		var events []notification.Event
		for _, wo := range overdue {
			events = append(events, about(notificationevent.KindWorkOrderOverdue, "WorkOrder", wo.ID, map[string]any{
				"woNumber": wo.WoNumber, "cariTitle": wo.CariTitle, "subject": wo.Subject, "plannedAt": notification.Instant(*wo.PlannedEnd),
			}))
		}
		n, err := s.tell(ctx, events)
		told += n
		if err != nil || len(overdue) < most {
			return told, err
		}
	}
}

// PriceListsEnding tells of price lists in force that end within a week.
func (s *Service) PriceListsEnding(ctx context.Context) (told int, err error) {
	today := calendar.DateOf(s.Now())
	ending, err := s.DB.PriceList.Query().Where(pricelist.StatusEQ(pricelist.StatusActive), func(q *sql.Selector) {
		q.Where(sql.And(sql.GT(q.C(pricelist.FieldValidTo), today), sql.LTE(q.C(pricelist.FieldValidTo), today.AddDays(ahead))))
	}, untold(notificationevent.KindPriceListExpiring)).Limit(most).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for ending price lists: %w", err)
	}
	var events []notification.Event
	for _, l := range ending {
		events = append(events, about(notificationevent.KindPriceListExpiring, "PriceList", l.ID, map[string]any{"code": l.Code, "name": l.Name, "day": l.ValidTo.AddDays(-1).String()}))
	}
	return s.tell(ctx, events)
}

// RatesOld tells when no bulletin has come for days, once for each that was the last.
func (s *Service) RatesOld(ctx context.Context) (told int, err error) {
	newest, err := s.DB.ExchangeRate.Query().Order(exchangerate.ByBulletinDate(sql.OrderDesc()), exchangerate.ByID(sql.OrderDesc())).First(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for the newest rates: %w", err)
	}
	day := newest.BulletinDate
	if !day.AddDays(stale).Before(calendar.DateOf(s.Now())) {
		return 0, nil
	}
	return s.tell(ctx, []notification.Event{{Kind: notificationevent.KindRateSyncFailed, Key: day.String(), Data: map[string]any{"day": day.String()}}})
}

// RatesJumped tells of rates that wait for somebody to look at them.
func (s *Service) RatesJumped(ctx context.Context) (told int, err error) {
	jumped, err := s.DB.ExchangeRate.Query().Where(func(q *sql.Selector) { q.Where(sql.ExprP(schema.RateReviewCondition)) },
		untold(notificationevent.KindRateJump)).Limit(most).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for rates that jumped: %w", err)
	}
	var events []notification.Event
	for _, r := range jumped {
		events = append(events, about(notificationevent.KindRateJump, "ExchangeRate", r.ID, map[string]any{"currency": r.CurrencyFrom, "day": r.BulletinDate.String()}))
	}
	return s.tell(ctx, events)
}
