package seed

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/turkish"
)

var serviceColumns = []column[ent.Service]{
	{service.FieldID, func(s *ent.Service) any { return s.ID }},
	{service.FieldCreatedAt, func(s *ent.Service) any { return s.CreatedAt }},
	{service.FieldUpdatedAt, func(s *ent.Service) any { return s.UpdatedAt }},
	{service.FieldCode, func(s *ent.Service) any { return s.Code }},
	{service.FieldName, func(s *ent.Service) any { return s.Name }},
	{service.FieldNameFold, func(s *ent.Service) any { return turkish.Fold(s.Name) }},
	{service.FieldSearchText, func(s *ent.Service) any { return turkish.Fold(s.Code + " " + s.Name) }},
	{service.FieldDescription, func(s *ent.Service) any { return s.Description }},
	{service.FieldAccountingCode, func(s *ent.Service) any { return s.AccountingCode }},
	{service.FieldGroupCode, func(s *ent.Service) any { return s.GroupCode }},
	{service.FieldCategoryCode, func(s *ent.Service) any { return s.CategoryCode }},
	{service.FieldUnit, func(s *ent.Service) any { return s.Unit }},
	{service.FieldBasePrice, func(s *ent.Service) any { return s.BasePrice }},
	{service.FieldCurrency, func(s *ent.Service) any { return s.Currency }},
	{service.FieldVatRate, func(s *ent.Service) any { return s.VatRate }},
	{service.FieldCalculationType, func(s *ent.Service) any { return s.CalculationType }},
	{service.FieldFormulaParams, func(s *ent.Service) any { return s.FormulaParams }},
	{service.FieldRequiresPersonCount, func(s *ent.Service) any { return s.RequiresPersonCount }},
	{service.FieldRequiresVehicleInfo, func(s *ent.Service) any { return s.RequiresVehicleInfo }},
	{service.FieldRequiresWeightInfo, func(s *ent.Service) any { return s.RequiresWeightInfo }},
	{service.FieldSortNo, func(s *ent.Service) any { return s.SortNo }},
	{service.FieldIsActive, func(s *ent.Service) any { return s.IsActive }},
	{service.FieldVersion, func(s *ent.Service) any { return s.Version }},
}

// catalogue are services as ports sell them, with their usual codes and prices.
var catalogue = []struct {
	code, name, category, unit, price, currency string

	calculation service.CalculationType
	params      string
}{
	{"HZM001", "Römorkaj hizmeti", "ROMORKAJ", "SAAT", "1500", "TRY", service.CalculationTypePerUnit, ""},
	{"HZM002", "Kılavuzluk (pilotaj) hizmeti", "PILOTAJ", "SEFER", "2500", "TRY", service.CalculationTypePerUnit, ""},
	{"HZM003", "Palamar (bağlama) hizmeti", "BAGLAMA", "ADET", "500", "TRY", service.CalculationTypePerUnit, ""},
	{"TMP.006", "Transpalet", "KALDIRMA", "SAAT", "20", "USD", service.CalculationTypePerUnit, ""},
	{"HZM005", "Atık alımı", "ATIK", "TON", "350", "USD", service.CalculationTypePerUnit, ""},
	{"HZM006", "Tatlı su ikmali", "SU", "M3", "15", "TRY", service.CalculationTypePerUnit, ""},
	{"HZM007", "Kıyı elektriği", "ELEKTRIK", "KWH", "5.50", "TRY", service.CalculationTypePerUnit, ""},
	{"HZM008", "Balast suyu alımı", "BALAST", "TON", "12", "USD", service.CalculationTypePerUnit, ""},
	{"TMP.017", "Personel nakli", "SEFER-YOLCU", "ADET", "20", "USD", service.CalculationTypePerUnit, ""},
	{"TMP.020", "Forklift", "KALDIRMA", "ADET", "80", "USD", service.CalculationTypePerBlock, `{"base_time_min": 30, "base_weight_ton": "3", "weight_rounding": "NONE"}`},
	{"TMP.025", "Ardiye", "DEPOLAMA", "KG", "0.03", "USD", service.CalculationTypeXSecondary, `{"primary": "WEIGHT", "secondary": "DAYS", "weight_unit": "kg", "secondary_round_up": true}`},
	{"TMP.030", "Araç girişi", "TEMIN", "ADET", "15", "USD", service.CalculationTypeVehicle4hRule, `{"base_minutes": 240}`},
	{"TMP.042", "Liman kullanımı", "BAGLAMA", "ADET", "950", "USD", service.CalculationTypeBasePlusIncrement, `{"rate": "0.03", "measure": "GRT"}`},
}

var (
	serviceMoney = []odds[string]{{"TRY", 60}, {"USD", 25}, {"EUR", 15}}
	serviceVAT   = []odds[int64]{{20, 88}, {10, 7}, {0, 5}}
	// What a unit of each currency costs in kuruş, to make prices of a likely size.
	kurus = map[string]int64{"TRY": 100, "USD": 4000, "EUR": 4500}
)

// makeServices makes the catalogue, and then services of the same families up to
// the number wanted. All were there before the first work order.
func makeServices(o Options) []*ent.Service {
	d := newDice(o.Seed, serviceDice)
	at := firstDay(o.Now).AddDate(0, -6, 0)
	all := make([]*ent.Service, o.Services)
	for i := range all {
		s := &ent.Service{ID: int64(i + 1), CreatedAt: at, UpdatedAt: at, SortNo: 10 * (i + 1), IsActive: true, Version: 1}
		if i < len(catalogue) {
			c := catalogue[i]
			s.Code, s.Name, s.CategoryCode, s.Unit, s.Currency = c.code, c.name, &c.category, c.unit, c.currency
			s.BasePrice, s.VatRate = decimal.RequireFromString(c.price), decimal.NewFromInt(20)
			s.CalculationType = c.calculation
			if c.params != "" {
				s.FormulaParams = json.RawMessage(c.params)
			}
		} else {
			d.another(s, i-len(catalogue))
			if d.chance(40) {
				s.IsActive, s.Version = false, 2
			}
		}
		s.AccountingCode = new(fmt.Sprintf("600.%02d.%03d", 1+i%20, 1+i/20))
		s.GroupCode = new(groupOf(*s.CategoryCode))
		s.RequiresPersonCount = *s.CategoryCode == "SEFER-YOLCU"
		s.RequiresVehicleInfo = s.CalculationType == service.CalculationTypeVehicle4hRule
		s.RequiresWeightInfo = s.CalculationType == service.CalculationTypePerBlock || s.CalculationType == service.CalculationTypeXSecondary
		all[i] = s
	}
	return all
}

// another makes the nth service beyond the catalogue.
func (d dice) another(s *ent.Service, n int) {
	f := families[n%len(families)]
	variant := n / len(families)
	s.Name = f.name + ", " + variants[variant%len(variants)]
	if again := variant / len(variants); again > 0 {
		s.Name += fmt.Sprintf(" (%d)", again+1)
	}
	s.CategoryCode, s.Unit, s.Currency = &f.category, f.unit, draw(d, serviceMoney)
	prefix := "TMP."
	if s.Currency == "TRY" {
		prefix = "HZM"
	}
	s.Code = fmt.Sprintf("%s%03d", prefix, 101+n)
	price := (f.least + d.Int64N(f.most-f.least+1)) * 100
	s.BasePrice = decimal.New(price*100/kurus[s.Currency], -2)
	s.VatRate = decimal.NewFromInt(draw(d, serviceVAT))
	s.CalculationType = service.CalculationTypePerUnit
	if f.unit == "ADET" && d.chance(300) {
		s.CalculationType = service.CalculationTypeFixed
	}
	if d.chance(300) {
		s.Description = new(f.name + " hizmeti; mesai dışı çalışma ayrıca ücretlendirilir.")
	}
}

// quantity draws a likely amount of a unit, with no more places than are stored.
func (d dice) quantity(unit string) decimal.Decimal {
	switch unit {
	case "SAAT":
		return decimal.New(int64(1+d.IntN(24))*5, -1)
	case "SEFER":
		return decimal.NewFromInt(int64(1 + d.IntN(4)))
	case "TON":
		return decimal.New(int64(500+d.IntN(150_000)), -3)
	case "M3":
		return decimal.New(int64(10+d.IntN(3000)), -1)
	case "KWH":
		return decimal.NewFromInt(int64(50 + d.IntN(5000)))
	case "KG", "LT":
		return decimal.NewFromInt(int64(100 + d.IntN(20_000)))
	case "M", "M2":
		return decimal.New(int64(50+d.IntN(2000)), -1)
	case "GUN":
		return decimal.NewFromInt(int64(1 + d.IntN(30)))
	case "AY":
		return decimal.NewFromInt(int64(1 + d.IntN(12)))
	}
	return decimal.NewFromInt(int64(1 + d.IntN(12)))
}
