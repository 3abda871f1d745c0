package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/internal/service"
	"aliaport/internal/tariff"
)

func updateService(in gen.UpdateServiceInput) service.UpdateInput {
	return service.UpdateInput{
		ID: in.ID, Version: in.Version, Name: in.Name, Description: change(in.Description), AccountingCode: change(in.AccountingCode),
		GroupCode: change(in.GroupCode), CategoryCode: change(in.CategoryCode), Unit: in.Unit, BasePrice: in.BasePrice, Currency: in.Currency,
		VatRate: in.VatRate, VatExemption: change(in.VatExemption), CalculationType: in.CalculationType, FormulaParams: change(in.FormulaParams),
		RequiresPersonCount: in.RequiresPersonCount, RequiresVehicleInfo: in.RequiresVehicleInfo, RequiresWeightInfo: in.RequiresWeightInfo, SortNo: in.SortNo,
	}
}

func updatePriceList(in gen.UpdatePriceListInput) tariff.UpdateInput {
	return tariff.UpdateInput{
		ID: in.ID, Revision: in.Revision, Name: in.Name, Description: change(in.Description), Currency: in.Currency, ValidFrom: in.ValidFrom, ValidTo: change(in.ValidTo),
	}
}

func updatePriceListItem(in gen.UpdatePriceListItemInput) tariff.UpdateItemInput {
	return tariff.UpdateItemInput{
		ID: in.ID, Revision: in.Revision, MinQuantity: in.MinQuantity, UnitPrice: in.UnitPrice, VatRate: in.VatRate, Description: change(in.Description), SortNo: in.SortNo,
	}
}

func servicePayload(ctx context.Context) func(*ent.Service, error) (*gen.ServicePayload, error) {
	return func(s *ent.Service, err error) (*gen.ServicePayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.ServicePayload{Service: s, UserErrors: refused}, nil
	}
}

func priceListPayload(ctx context.Context) func(*ent.PriceList, error) (*gen.PriceListPayload, error) {
	return func(l *ent.PriceList, err error) (*gen.PriceListPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.PriceListPayload{PriceList: l, UserErrors: refused}, nil
	}
}

func serviceOverridePayload(ctx context.Context) func(*ent.ServiceOverride, error) (*gen.ServiceOverridePayload, error) {
	return func(o *ent.ServiceOverride, err error) (*gen.ServiceOverridePayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.ServiceOverridePayload{ServiceOverride: o, UserErrors: refused}, nil
	}
}
