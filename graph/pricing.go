package graph

import (
	"context"
	"encoding/json"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/service"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/graph/gen"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/gate"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
)

// explanation is a stored trace as clients see it.
func explanation(ctx context.Context, stored json.RawMessage) (*gen.PriceExplanation, error) {
	if stored == nil {
		return nil, nil //nolint:nilnil // no price, or one of before there were explanations
	}
	trace, err := pricing.DecodeTrace(stored)
	if err != nil {
		return nil, err
	}
	return explained(ctx, trace), nil
}

// explained is a trace as clients see it.
func explained(ctx context.Context, t pricing.Trace) *gen.PriceExplanation {
	e := &gen.PriceExplanation{
		Day: dateOrNil(t.Day), Price: t.Price, CalculationType: service.CalculationType(t.Calculation.Type),
		Exact: t.Exact, Net: t.Net, Gross: t.Gross, Currency: t.Currency,
		VatRate: t.VAT.Rate, VatAmount: t.VAT.Amount, VatExemption: textOrNil(t.VAT.Exemption),
		Rounding:   gen.PriceRounding{Mode: t.Rounding.Mode, Places: int(t.Rounding.Places), Before: t.Rounding.Before, After: t.Rounding.After},
		Source:     origin(t.Source),
		Inputs:     make([]*pricing.Input, len(t.Inputs)),
		Steps:      make([]*gen.PriceStep, len(t.Steps)),
		Rates:      make([]*gen.PriceRate, len(t.Rates)),
		Sentence:   t.Sentence(apperr.LangFrom(ctx)),
		SentenceTr: t.Sentence(apperr.Turkish), SentenceEn: t.Sentence(apperr.English),
	}
	if h := t.Home; h != nil {
		e.NetTry, e.TryRate = &h.Net, usedRate(h.Rate)
	}
	for i := range t.Inputs {
		e.Inputs[i] = &t.Inputs[i]
	}
	for i, s := range t.Steps {
		e.Steps[i] = &gen.PriceStep{Tr: s.Label.TR, En: s.Label.EN, Expression: s.Expression, Value: s.Value}
	}
	for i, r := range t.Rates {
		e.Rates[i] = usedRate(r)
	}
	return e
}

func usedRate(r pricing.Rate) *gen.PriceRate {
	return &gen.PriceRate{
		Currency: r.Currency, Value: r.Value, Kind: r.Kind, IsFallback: r.IsFallback,
		BulletinDate: dateOrNil(r.BulletinDate), UsedDate: dateOrNil(r.UsedDate),
	}
}

// stayFeeOrNil is what the stay costs that a payload tells of, if that can be told.
func stayFeeOrNil(ctx context.Context, s *gate.Service, l *ent.GateLog) (*gen.VehicleStayFee, error) {
	if l == nil || l.Subject != gatelog.SubjectVehicle {
		return nil, nil //nolint:nilnil // a person, or nothing
	}
	f, err := s.FeeOf(ctx, l)
	if _, ok := apperr.All(err); ok {
		return nil, nil //nolint:nilnil // the question for it says why
	}
	if err != nil {
		return nil, err
	}
	return stayFee(ctx, f), nil
}

// stayFee is what a stay costs as clients see it.
func stayFee(ctx context.Context, f *gate.Fee) *gen.VehicleStayFee {
	return &gen.VehicleStayFee{
		GateLog: *f.GateLog, Until: f.Until, IsFinal: f.IsFinal(), Minutes: f.Minutes, OverrunMinutes: f.OverrunMinutes,
		Net: f.Net, Vat: f.VAT, Gross: f.Gross, Currency: f.Currency, AmountTry: f.TRY, Explanation: *explained(ctx, f.Trace),
	}
}

func origin(s pricing.SourceOf) gen.PriceOrigin {
	o := gen.PriceOrigin{Kind: workorderitem.PriceSource(s.Kind), ServiceCode: textOrNil(s.ServiceCode), ParameterCode: textOrNil(s.Parameter), TierMin: s.TierMin, TierNext: s.TierNext}
	if s.PriceListID != 0 {
		id := globalid.ID{Type: "PriceList", Key: s.PriceListID}
		o.PriceListID, o.PriceListCode, o.PriceListVersion = &id, &s.PriceListCode, &s.PriceListVersion
	}
	return o
}

// quoted is the answer to a question for a price.
func quoted(ctx context.Context, a *quote.Answer) *gen.PriceQuote {
	if a == nil {
		return nil
	}
	q := &gen.PriceQuote{
		Lines: make([]*gen.PriceQuoteLine, len(a.Priced)), Adjustments: make([]*gen.Adjustment, len(a.Adjustments)),
		VatGroups: make([]*gen.VatGroup, len(a.Groups)), Net: a.Net, Vat: a.VAT, Gross: a.Gross, Currency: a.Currency,
		Sentence: a.Sentence(apperr.LangFrom(ctx), a.Currency),
	}
	for i, l := range a.Priced {
		q.Lines[i] = &gen.PriceQuoteLine{Net: l.Net, Vat: l.VAT, Gross: l.Gross, AmountTry: l.TRY, Explanation: *explained(ctx, l.Trace)}
	}
	for i, j := range a.Adjustments {
		q.Adjustments[i] = &gen.Adjustment{
			Kind: workorderadjustment.Kind(j.Kind), Percent: j.Percent, Base: j.Base, Amount: j.Amount, VatRate: j.VATRate,
			Source: workorderadjustment.Source(j.Source), Reason: textOrNil(j.Reason),
		}
	}
	for i, g := range a.Groups {
		q.VatGroups[i] = &gen.VatGroup{VatRate: g.VATRate, Net: g.Net, Vat: g.VAT, Gross: g.Gross}
	}
	return q
}

// adjusted are the surcharges and the discount of an order as clients see them.
func adjusted(rows []*ent.WorkOrderAdjustment) []*gen.Adjustment {
	list := make([]*gen.Adjustment, len(rows))
	for i, r := range rows {
		list[i] = &gen.Adjustment{Kind: r.Kind, Percent: r.Percent, Base: r.Base, Amount: r.Amount, VatRate: r.VatRate, Source: r.Source, Reason: r.Reason}
	}
	return list
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func dateOrNil(d calendar.Date) *calendar.Date {
	if d.IsZero() {
		return nil
	}
	return &d
}
