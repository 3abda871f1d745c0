package rate

import (
	"context"
	"errors"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// FetchInput says which bulletin is wanted.
type FetchInput struct {
	Date  *calendar.Date // nil: the newest
	Force bool           // replace rates entered by hand
}

// Fetched is what became of a bulletin.
type Fetched struct {
	BulletinDate                calendar.Date
	BulletinNumber              string
	Created, Updated, Unchanged int
	Rates                       []*ent.ExchangeRate // of the tracked currencies, by code
	Skipped                     []*Skip
}

// Skip is a tracked currency whose rate was not taken from the bulletin.
type Skip struct {
	Currency string
	Reason   SkipReason
}

// SkipReason says why.
type SkipReason string

// Reasons.
const (
	NotInBulletin SkipReason = "NOT_IN_BULLETIN"
	BadRow        SkipReason = "UNREADABLE"
	ManualStays   SkipReason = "MANUAL"
)

// Fetch reads a bulletin from the source and stores the tracked currencies. Doing
// so again changes nothing, and neither do others who do it at the same time.
func (s *Service) Fetch(ctx context.Context, in FetchInput) (*Fetched, error) {
	if err := actor.Require(ctx, actor.RateWrite); err != nil {
		return nil, err
	}
	today := calendar.DateOf(s.Now())
	if in.Date != nil {
		if err := notFuture("date", *in.Date, today); err != nil {
			return nil, err
		}
	}
	b, err := s.bulletin(ctx, in.Date)
	if err != nil {
		return nil, err
	}
	if b.Date.After(today) { // whose clock is wrong, ours or the bank's, is for somebody to find out
		return nil, apperr.New(apperr.RateFetch, "reason", OtherDay)
	}
	var f *Fetched
	var ids []int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		f, ids, err = s.storeBulletin(ctx, tx, b, in.Force)
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	f.Rates, err = s.DB.ExchangeRate.Query().Where(store.KeysIn(exchangerate.FieldID, ids)).Order(exchangerate.ByCurrencyFrom()).All(ctx)
	return f, err
}

// bulletin asks the source, and says why there is none in the words of the API.
func (s *Service) bulletin(ctx context.Context, day *calendar.Date) (b *Bulletin, err error) {
	if day == nil {
		b, err = s.Source.Latest(ctx)
	} else {
		b, err = s.Source.Of(ctx, *day)
	}
	e, ok := errors.AsType[*SourceError](err)
	switch {
	case !ok:
		return b, err
	case e.Fault == NoBulletin && day != nil:
		return nil, apperr.New(apperr.RateNotFound).At("date").Because(err)
	}
	s.Log.WarnContext(ctx, "rates not fetched", "fault", e.Fault, "err", err)
	return nil, apperr.New(apperr.RateFetch, "reason", e.Fault).Because(err)
}

func (s *Service) storeBulletin(ctx context.Context, tx *ent.Tx, b *Bulletin, force bool) (*Fetched, []int64, error) {
	codes, err := tracked(ctx, tx.Client())
	if err != nil {
		return nil, nil, err
	}
	limit, err := parameter.Get(ctx, tx.Client(), parameter.RateJumpPercent)
	if err != nil {
		return nil, nil, err
	}
	f := &Fetched{BulletinDate: b.Date, BulletinNumber: b.Number, Skipped: []*Skip{}}
	var ids []int64
	skipped := map[string]any{}
	skip := func(code string, reason SkipReason, fault error) {
		f.Skipped = append(f.Skipped, &Skip{code, reason})
		skipped[code] = reason
		if fault != nil {
			skipped[code] = fault.Error()
		}
	}
	for _, code := range codes {
		c := b.Find(code)
		switch {
		case c == nil:
			skip(code, NotInBulletin, nil)
			continue
		case c.Fault != nil:
			skip(code, BadRow, c.Fault)
			continue
		}
		id, o, changes, err := s.put(ctx, tx, entry{
			Values: c.Values, currency: code, bulletin: b.Date, number: &b.Number, unit: c.Unit, source: exchangerate.SourceTcmb, force: force, jump: limit,
		})
		if err != nil {
			return nil, nil, err
		}
		ids = append(ids, id)
		switch o {
		case created:
			f.Created++
		case updated: // the old values are in the trail only
			f.Updated++
			err = audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.RateFetch, Resource: audit.ExchangeRate, EntityID: id, Changes: changes})
		case unchanged:
			f.Unchanged++
		case kept:
			skip(code, ManualStays, nil)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if len(ids) == 0 { // nothing of use in it
		return nil, nil, apperr.New(apperr.RateFetch, "reason", Unreadable)
	}
	extra := map[string]any{
		"bulletin_date": b.Date, "bulletin_no": b.Number, "created": f.Created, "updated": f.Updated, "unchanged": f.Unchanged,
	}
	if len(skipped) > 0 {
		extra["skipped"] = skipped
	}
	return f, ids, audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.RateFetch, Resource: audit.ExchangeRate, Extra: extra})
}
