package api

import (
	"context"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/service"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// Fixture makes the few customers and services that stories talk about.
func Fixture(t testing.TB, db *store.DB) {
	t.Helper()
	customer := func(code, title, currency string, active bool) *ent.CariCreate {
		return db.Cari.Create().SetCariCode(code).SetTitle(title).SetTitleFold(turkish.Fold(title)).SetSearchText(turkish.Fold(code + " " + title)).
			SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SetCurrency(currency).SetIsActive(active).SetCreatedAt(Start).SetUpdatedAt(Start)
	}
	sold := func(code, name, unit, currency, price string, active bool) *ent.ServiceCreate {
		return db.Service.Create().SetCode(code).SetName(name).SetNameFold(turkish.Fold(name)).SetSearchText(turkish.Fold(code + " " + name)).
			SetUnit(unit).SetCurrency(currency).SetBasePrice(decimal.RequireFromString(price)).SetVatRate(decimal.NewFromInt(20)).
			SetCalculationType(service.CalculationTypePerUnit).SetIsActive(active).SetCreatedAt(Start).SetUpdatedAt(Start)
	}
	type creator interface{ Exec(context.Context) error }
	for _, c := range []creator{
		customer("C-100", "İstanbul Şişli Denizcilik A.Ş.", "TRY", true),
		customer("C-200", "Çeşme Tekne İşletmeciliği", "TRY", false),
		customer("C-300", "Güney Kıyı Lojistik", "USD", true),
		sold("HZM001", "Römorkaj", "SAAT", "TRY", "1500", true),
		sold("HZM002", "Pilotaj", "SEFER", "TRY", "2500", true),
		sold("HZM005", "Atık Alımı", "TON", "USD", "350", true),
		sold("HZM099", "Eski Hizmet", "ADET", "TRY", "10", false),
	} {
		if err := c.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
