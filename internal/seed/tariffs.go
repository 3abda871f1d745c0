package seed

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/ent/serviceoverride"
	"aliaport/internal/calendar"
	"aliaport/internal/tariff"
)

var priceListColumns = []column[ent.PriceList]{
	{pricelist.FieldID, func(l *ent.PriceList) any { return l.ID }},
	{pricelist.FieldCreatedAt, func(l *ent.PriceList) any { return l.CreatedAt }},
	{pricelist.FieldUpdatedAt, func(l *ent.PriceList) any { return l.UpdatedAt }},
	{pricelist.FieldCode, func(l *ent.PriceList) any { return l.Code }},
	{pricelist.FieldVersion, func(l *ent.PriceList) any { return l.Version }},
	{pricelist.FieldName, func(l *ent.PriceList) any { return l.Name }},
	{pricelist.FieldDescription, func(l *ent.PriceList) any { return l.Description }},
	{pricelist.FieldCurrency, func(l *ent.PriceList) any { return l.Currency }},
	{pricelist.FieldStatus, func(l *ent.PriceList) any { return l.Status }},
	{pricelist.FieldValidFrom, func(l *ent.PriceList) any { return l.ValidFrom }},
	{pricelist.FieldValidTo, func(l *ent.PriceList) any { return l.ValidTo }},
	{pricelist.FieldActivatedAt, func(l *ent.PriceList) any { return l.ActivatedAt }},
	{pricelist.FieldRevision, func(l *ent.PriceList) any { return l.Revision }},
	{pricelist.FieldCreatedBy, func(l *ent.PriceList) any { return l.CreatedBy }},
	{pricelist.FieldUpdatedBy, func(l *ent.PriceList) any { return l.UpdatedBy }},
}

var priceListItemColumns = []column[ent.PriceListItem]{
	{pricelistitem.FieldID, func(i *ent.PriceListItem) any { return i.ID }},
	{pricelistitem.FieldCreatedAt, func(i *ent.PriceListItem) any { return i.CreatedAt }},
	{pricelistitem.FieldUpdatedAt, func(i *ent.PriceListItem) any { return i.UpdatedAt }},
	{pricelistitem.FieldPriceListID, func(i *ent.PriceListItem) any { return i.PriceListID }},
	{pricelistitem.FieldServiceID, func(i *ent.PriceListItem) any { return i.ServiceID }},
	{pricelistitem.FieldMinQuantity, func(i *ent.PriceListItem) any { return i.MinQuantity }},
	{pricelistitem.FieldUnitPrice, func(i *ent.PriceListItem) any { return i.UnitPrice }},
	{pricelistitem.FieldVatRate, func(i *ent.PriceListItem) any { return i.VatRate }},
	{pricelistitem.FieldDescription, func(i *ent.PriceListItem) any { return i.Description }},
	{pricelistitem.FieldSortNo, func(i *ent.PriceListItem) any { return i.SortNo }},
}

var overrideColumns = []column[ent.ServiceOverride]{
	{serviceoverride.FieldID, func(o *ent.ServiceOverride) any { return o.ID }},
	{serviceoverride.FieldCreatedAt, func(o *ent.ServiceOverride) any { return o.CreatedAt }},
	{serviceoverride.FieldUpdatedAt, func(o *ent.ServiceOverride) any { return o.UpdatedAt }},
	{serviceoverride.FieldServiceID, func(o *ent.ServiceOverride) any { return o.ServiceID }},
	{serviceoverride.FieldValidFrom, func(o *ent.ServiceOverride) any { return o.ValidFrom }},
	{serviceoverride.FieldValidTo, func(o *ent.ServiceOverride) any { return o.ValidTo }},
	{serviceoverride.FieldPrice, func(o *ent.ServiceOverride) any { return o.Price }},
	{serviceoverride.FieldCurrency, func(o *ent.ServiceOverride) any { return o.Currency }},
	{serviceoverride.FieldVatRate, func(o *ent.ServiceOverride) any { return o.VatRate }},
	{serviceoverride.FieldNote, func(o *ent.ServiceOverride) any { return o.Note }},
	{serviceoverride.FieldIsActive, func(o *ent.ServiceOverride) any { return o.IsActive }},
	{serviceoverride.FieldVersion, func(o *ent.ServiceOverride) any { return o.Version }},
	{serviceoverride.FieldCreatedBy, func(o *ent.ServiceOverride) any { return o.CreatedBy }},
	{serviceoverride.FieldUpdatedBy, func(o *ent.ServiceOverride) any { return o.UpdatedBy }},
}

// lists are the tariffs in the order of their ids: what a unit costs in percent of
// the service card, and the years of validity counted from the current one.
var lists = []struct {
	currency, name string
	version        int
	status         pricelist.Status
	percent        int64
	from, to       int // January 1st of these years; an open end where to is 0
}{
	{"TRY", "Liman tarifesi, TL", 1, pricelist.StatusPassive, 78, -3, -1}, // corrected by the second version
	{"TRY", "Liman tarifesi, TL", 2, pricelist.StatusActive, 80, -3, 0},
	{"TRY", "Liman tarifesi, TL", 3, pricelist.StatusActive, 100, 0, 1},
	{"TRY", "Liman tarifesi, TL (taslak)", 4, pricelist.StatusDraft, 125, 1, 2},
	{"USD", "Liman tarifesi, dolar", 1, pricelist.StatusActive, 95, -3, 0},
	{"USD", "Liman tarifesi, dolar", 2, pricelist.StatusActive, 100, 0, openEnd},
	{"EUR", "Liman tarifesi, avro", 1, pricelist.StatusActive, 100, -3, openEnd},
}

const openEnd = 1000

// tiersOf are the quantities from which a unit costs so many percent.
var tiersOf = map[string][]struct {
	from    int64
	percent int64
}{
	"HZM001": {{0, 100}, {6, 93}, {11, 83}},
	"HZM006": {{0, 100}, {100, 90}},
}

// overridden are dated prices of services of the catalogue, in days from today.
var overridden = []struct {
	code, price string
	from, to    int
	unused      bool
	note        string
}{
	{"HZM006", "13.50", -120, -60, false, "Yaz kampanyası"},
	{"HZM003", "450", -20, 25, false, "Bağlama kampanyası"},
	{"TMP.020", "72.50", 30, 120, false, "Sezon öncesi indirim"},
	{"TMP.017", "18", 40, 60, true, "Vazgeçildi"},
}

// tariffs are made of the services, by somebody of finance.
func makeTariffs(o Options, services []*ent.Service, by int64) (heads []*ent.PriceList, items []*ent.PriceListItem, dated []*ent.ServiceOverride) {
	today := calendar.DateOf(o.Now)
	year := func(n int) calendar.Date { return calendar.Date{Year: today.Year + n, Month: time.January, Day: 1} }
	written := firstDay(o.Now).UTC()
	for _, of := range lists {
		l := &ent.PriceList{
			ID: int64(len(heads) + 1), CreatedAt: written, UpdatedAt: written, Code: "TARIFE-" + of.currency, Version: of.version, Name: of.name, Currency: of.currency,
			Status: of.status, ValidFrom: year(of.from), Revision: 1, CreatedBy: by, UpdatedBy: by,
		}
		if of.to != openEnd {
			l.ValidTo = new(year(of.to))
		}
		if of.status != pricelist.StatusDraft {
			l.ActivatedAt, l.Revision = &written, 2
		}
		its := itemsOf(l, services, decimal.New(of.percent, -2), len(items))
		if len(its) == 0 {
			continue // nothing is sold in that currency
		}
		heads, items = append(heads, l), append(items, its...)
	}
	for _, of := range overridden {
		for _, s := range services {
			if s.Code != of.code {
				continue
			}
			dated = append(dated, &ent.ServiceOverride{
				ID: int64(len(dated) + 1), CreatedAt: written, UpdatedAt: written, ServiceID: s.ID, ValidFrom: today.AddDays(of.from), ValidTo: new(today.AddDays(of.to)),
				Price: decimal.RequireFromString(of.price), Currency: s.Currency, Note: new(of.note), IsActive: !of.unused, Version: 1, CreatedBy: by, UpdatedBy: by,
			})
		}
	}
	return heads, items, dated
}

// itemsOf prices the services of the list's currency, as many as a list may have.
func itemsOf(l *ent.PriceList, services []*ent.Service, factor decimal.Decimal, before int) (items []*ent.PriceListItem) {
	for _, s := range services {
		if s.Currency != l.Currency || !s.IsActive || len(items)+len(tiersOf[s.Code]) >= tariff.MaxItems {
			continue
		}
		add := func(from int64, price decimal.Decimal) {
			items = append(items, &ent.PriceListItem{
				ID: int64(before + len(items) + 1), CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt, PriceListID: l.ID, ServiceID: s.ID,
				MinQuantity: decimal.NewFromInt(from), UnitPrice: price.Round(4), VatRate: s.VatRate, SortNo: 10 * (len(items) + 1),
			})
		}
		price := s.BasePrice.Mul(factor)
		if tiers, ok := tiersOf[s.Code]; ok {
			for _, t := range tiers {
				add(t.from, price.Mul(decimal.New(t.percent, -2)))
			}
			continue
		}
		add(0, price)
	}
	return items
}

// tariffs fills the tables.
func (l *loader) tariffs(ctx context.Context, o Options, crew *crew, services []*ent.Service, r *Report) error {
	heads, items, dated := makeTariffs(o, services, crew.finance[0].ID)
	if err := insert(ctx, l, pricelist.Table, priceListColumns, heads); err != nil {
		return err
	}
	if err := insert(ctx, l, pricelistitem.Table, priceListItemColumns, items); err != nil {
		return err
	}
	if err := insert(ctx, l, serviceoverride.Table, overrideColumns, dated); err != nil {
		return err
	}
	r.PriceLists = len(heads)
	return l.continueIDs(ctx, pricelist.Table, pricelistitem.Table, serviceoverride.Table)
}

// groupOf is the group of a service of a category, as the parameters name both.
func groupOf(category string) string {
	switch category {
	case "ROMORKAJ", "PILOTAJ", "SEFER-YOLCU", "SEFER-YUK":
		return "SEFER"
	case "BAGLAMA", "MB-AYLIK", "TEMIN":
		return "BARINMA"
	case "ELEKTRIK", "SU", "YAKIT":
		return "ENERJI"
	case "KALDIRMA", "DEPOLAMA":
		return "TERSANE"
	case "BAKIM-BOYA", "BAKIM-MOTOR", "BAKIM-GENEL", "ATIK", "BALAST":
		return "BAKIM"
	}
	panic(fmt.Sprintf("seed: the category %q has no group", category)) // a slip in the lists
}
