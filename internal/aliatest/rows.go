package aliatest

import (
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent/exchangerate"
	"aliaport/ent/service"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// Rate stores at which rate a currency is sold from a day on.
func Rate(t testing.TB, db *store.DB, currency string, from calendar.Date, selling string) {
	t.Helper()
	err := db.ExchangeRate.Create().SetBulletinDate(from.AddDays(-1)).SetValidFrom(from).SetCurrencyFrom(currency).
		SetForexSelling(decimal.RequireFromString(selling)).SetSource(exchangerate.SourceTcmb).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

// Service stores a service and returns its key.
func Service(t testing.TB, db *store.DB, code, unit, price, currency string, typ service.CalculationType, params string) int64 {
	t.Helper()
	c := db.Service.Create().SetCode(code).SetName(code).SetNameFold(code).SetSearchText(code).SetUnit(unit).SetCurrency(currency).
		SetBasePrice(decimal.RequireFromString(price)).SetVatRate(decimal.NewFromInt(20)).SetCalculationType(typ)
	if params != "" {
		c.SetFormulaParams([]byte(params))
	}
	s, err := c.Save(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}
