package quote

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/pricing"
)

// MaxLines is how many lines are priced at once: as many as a work order may have.
const MaxLines = 200

// Question is work that is to be priced without storing anything.
type Question struct {
	Lines           []QuestionLine
	Currency        string
	PriceListID     *globalid.ID
	Start           *time.Time // nil: now
	Priority        workorder.Priority
	IsCabotage      bool
	ApplyRuleAddons bool
}

// QuestionLine is a line of it.
type QuestionLine struct {
	ServiceCode string
	Quantity    *decimal.Decimal
	WeightKg    *decimal.Decimal
	Minutes     *int
	Days        *decimal.Decimal
	PersonCount *int
	Measure     *decimal.Decimal
	UnitPrice   *decimal.Decimal
	VatRate     *decimal.Decimal
}

// Answer is what it would cost.
type Answer struct {
	pricing.Document

	Priced   []pricing.Line
	Currency string
}

// Ask prices work as an order with the same lines would be, and stores nothing.
func (s *Service) Ask(ctx context.Context, q Question) (*Answer, error) {
	if err := actor.Require(ctx, actor.ServiceRead); err != nil {
		return nil, err
	}
	if err := q.clean(); err != nil {
		return nil, err
	}
	start := s.Now()
	if q.Start != nil {
		start = *q.Start
	}
	b := Basis{Day: pricing.Day(&start, nil, start), Currency: q.Currency}
	if q.PriceListID != nil {
		key, err := q.PriceListID.Of("PriceList")
		if err != nil {
			return nil, err
		}
		b.ListID = &key
	}
	lines, err := s.lines(ctx, q)
	if err != nil {
		return nil, err
	}
	priced, err := s.Lines(ctx, s.DB.Client, b, lines)
	if err != nil {
		return nil, apperr.Moved(err, []string{"items"}, "lines")
	}
	charges := make([]pricing.Charge, len(priced))
	for i, l := range priced {
		charges[i] = pricing.Charge{Net: l.Net, VAT: l.VAT, VATRate: l.VATRate, TRY: l.TRY}
	}
	d, err := s.Total(ctx, s.DB.Client, charges, Terms{Allowed: q.ApplyRuleAddons, Start: &start, Urgent: q.Priority == workorder.PriorityUrgent, Cabotage: q.IsCabotage})
	if err != nil {
		return nil, err
	}
	return &Answer{d, priced, q.Currency}, nil
}

func (q *Question) clean() error {
	var faults apperr.Errors
	if !money.IsCurrency(q.Currency) {
		faults.Add(apperr.Invalid("currency", apperr.Currency))
	}
	switch n := len(q.Lines); {
	case n == 0:
		faults.Add(apperr.Invalid("lines", apperr.Required))
	case n > MaxLines:
		faults.Add(apperr.Invalid("lines", apperr.TooMany, "max", MaxLines))
	}
	for i := range q.Lines {
		if e := input.Text("serviceCode", &q.Lines[i].ServiceCode, 1, 50); e != nil {
			faults.Add(e.At("lines", strconv.Itoa(i)))
		}
	}
	return faults.OrNil()
}

// lines finds the services of a question, in one statement.
func (s *Service) lines(ctx context.Context, q Question) ([]Line, error) {
	codes := make([]string, len(q.Lines))
	for i, l := range q.Lines {
		codes[i] = l.ServiceCode
	}
	rows, err := s.DB.Service.Query().Where(service.CodeIn(codes...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find services: %w", err)
	}
	byCode := make(map[string]*ent.Service, len(rows))
	for _, r := range rows {
		byCode[r.Code] = r
	}
	var faults apperr.Errors
	lines := make([]Line, len(q.Lines))
	for i, l := range q.Lines {
		card := byCode[l.ServiceCode]
		if card == nil {
			faults.Add(apperr.New(apperr.ServiceNotFound).At("lines", strconv.Itoa(i), "serviceCode"))
			continue
		}
		if !card.IsActive {
			faults.Add(apperr.New(apperr.ServiceInactive, "code", card.Code).At("lines", strconv.Itoa(i), "serviceCode"))
			continue
		}
		lines[i] = Line{Service: card, UnitPrice: l.UnitPrice, VATRate: l.VatRate, Inputs: pricing.Inputs{
			Quantity: l.Quantity, WeightKg: l.WeightKg, Minutes: Whole(l.Minutes), Days: l.Days, Persons: Whole(l.PersonCount), Measure: l.Measure,
		}}
	}
	return lines, faults.OrNil()
}

// Whole is a count as formulas take it.
func Whole(n *int) *decimal.Decimal {
	if n == nil {
		return nil
	}
	d := decimal.NewFromInt(int64(*n))
	return &d
}
