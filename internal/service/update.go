package service

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/ent/service"
	"aliaport/ent/trip"
	"aliaport/ent/worklog"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/turkish"
)

// UpdateInput changes a service. Nil fields and changes not given stay.
type UpdateInput struct {
	ID                  globalid.ID
	Version             int // as it was read
	Name                *string
	Description         input.Change[string]
	AccountingCode      input.Change[string]
	GroupCode           input.Change[string]
	CategoryCode        input.Change[string]
	Unit                *string
	BasePrice           *decimal.Decimal
	Currency            *string
	VatRate             *decimal.Decimal
	VatExemption        input.Change[string]
	CalculationType     *service.CalculationType
	FormulaParams       input.Change[Params]
	RequiresPersonCount *bool
	RequiresVehicleInfo *bool
	RequiresWeightInfo  *bool
	SortNo              *int
}

// Update changes a service. Lines that were made keep what they were made with. On
// VERSION_CONFLICT the current one comes back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Service, error) {
	if err := actor.Require(ctx, actor.ServiceWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, was *ent.Service) error { return s.update(ctx, tx, was, in) })
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, was *ent.Service, in UpdateInput) error {
	c, err := in.over(was)
	if err != nil {
		return err
	}
	var faults apperr.Errors
	params, err := c.clean(&faults)
	if err != nil {
		return err
	}
	rate, err := c.choose(ctx, tx.Client(), was)
	if err != nil {
		return err
	}
	if err := frozen(ctx, tx, was, c); err != nil {
		return err
	}
	u, changes := tx.Service.UpdateOne(was), audit.Changes{}
	if in.Name != nil {
		u.SetName(*in.Name).SetNameFold(turkish.Fold(*in.Name)).SetSearchText(searchText(was.Code, *in.Name))
		changes.Set("name", was.Name, *in.Name)
	}
	audit.PutOrDrop(changes, "description", in.Description, was.Description, u.SetDescription, u.ClearDescription)
	audit.PutOrDrop(changes, "accounting_code", in.AccountingCode, was.AccountingCode, u.SetAccountingCode, u.ClearAccountingCode)
	audit.PutOrDrop(changes, "group_code", in.GroupCode, was.GroupCode, u.SetGroupCode, u.ClearGroupCode)
	audit.PutOrDrop(changes, "category_code", in.CategoryCode, was.CategoryCode, u.SetCategoryCode, u.ClearCategoryCode)
	audit.PutOrDrop(changes, "vat_exemption", in.VatExemption, was.VatExemption, u.SetVatExemption, u.ClearVatExemption)
	audit.Put(changes, "unit", in.Unit, was.Unit, u.SetUnit)
	audit.Put(changes, "base_price", in.BasePrice, was.BasePrice, u.SetBasePrice)
	audit.Put(changes, "currency", in.Currency, was.Currency, u.SetCurrency)
	audit.Put(changes, "vat_rate", &rate, was.VatRate, u.SetVatRate)
	audit.Put(changes, "calculation_type", in.CalculationType, was.CalculationType, u.SetCalculationType)
	if !same(params, was.FormulaParams) {
		changes["formula_params"] = [2]any{shown(was.FormulaParams), shown(params)}
		u.SetFormulaParams(params)
		if params == nil {
			u.ClearFormulaParams()
		}
	}
	audit.Put(changes, "requires_person_count", in.RequiresPersonCount, was.RequiresPersonCount, u.SetRequiresPersonCount)
	audit.Put(changes, "requires_vehicle_info", in.RequiresVehicleInfo, was.RequiresVehicleInfo, u.SetRequiresVehicleInfo)
	audit.Put(changes, "requires_weight_info", in.RequiresWeightInfo, was.RequiresWeightInfo, u.SetRequiresWeightInfo)
	audit.Put(changes, "sort_no", in.SortNo, was.SortNo, u.SetSortNo)
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("update service %d: %w", was.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.Service, EntityID: was.ID, Changes: changes})
}

// over is the card as it would be after the change. Its texts are those of the input,
// so that they are cleaned there.
func (in *UpdateInput) over(was *ent.Service) (*card, error) {
	c := &card{
		name: in.Name, unit: or(in.Unit, was.Unit), price: or(in.BasePrice, was.BasePrice), currency: or(in.Currency, was.Currency), vatRate: in.VatRate,
		calculation: or(in.CalculationType, was.CalculationType), sortNo: or(in.SortNo, was.SortNo),
	}
	if c.name == nil {
		c.name = new(was.Name)
	}
	for _, f := range []struct {
		change *input.Change[string]
		was    *string
		as     ***string
	}{
		{&in.Description, was.Description, &c.description},
		{&in.AccountingCode, was.AccountingCode, &c.accountingCode},
		{&in.GroupCode, was.GroupCode, &c.groupCode},
		{&in.CategoryCode, was.CategoryCode, &c.categoryCode},
		{&in.VatExemption, was.VatExemption, &c.vatExemption},
	} {
		f.change.To = f.change.Or(f.was)
		*f.as = &f.change.To
	}
	if e := in.VatExemption.To; e != nil && *e == noExemption {
		in.VatExemption.To = nil
	}
	// The rate stays; but 0 was that of the exemption, if one goes.
	if c.vatRate == nil && was.VatExemption == nil && in.VatExemption.To == nil {
		c.vatRate = &was.VatRate
	}
	stored, err := ParamsOf(was.FormulaParams)
	if err != nil {
		return nil, err
	}
	c.params = in.FormulaParams.Or(stored)
	if !in.FormulaParams.Given && c.calculation != was.CalculationType {
		c.params = nil // those of the other type
	}
	return c, nil
}

// same tells whether two stored parameters mean the same: PostgreSQL keeps JSON in a
// form of its own.
func same(a, b json.RawMessage) bool {
	var x, y any
	return len(a) == 0 && len(b) == 0 || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// frozen refuses to change what lines and lists were made with: unit, group and
// calculation type, once there are any.
func frozen(ctx context.Context, tx *ent.Tx, was *ent.Service, c *card) error {
	var faults apperr.Errors
	locked := apperr.New(apperr.ServiceLocked)
	if c.unit != was.Unit {
		faults.Add(locked.At("unit"))
	}
	if or(*c.groupCode, "") != or(was.GroupCode, "") {
		faults.Add(locked.At("groupCode"))
	}
	if c.calculation != was.CalculationType {
		faults.Add(locked.At("calculationType"))
	}
	if len(faults) == 0 {
		return nil
	}
	for _, exist := range []func(context.Context) (bool, error){
		tx.WorkOrderItem.Query().Where(workorderitem.ServiceID(was.ID)).Exist,
		tx.Trip.Query().Where(trip.ServiceID(was.ID)).Exist,
		tx.WorkLog.Query().Where(worklog.ServiceID(was.ID)).Exist,
		tx.PriceListItem.Query().Where(pricelistitem.ServiceID(was.ID), pricelistitem.HasPriceListWith(pricelist.StatusNEQ(pricelist.StatusDraft))).Exist,
	} {
		used, err := exist(ctx)
		if err != nil {
			return fmt.Errorf("look for uses of service %d: %w", was.ID, err)
		}
		if used {
			return faults
		}
	}
	return nil
}

// ActivityInput switches a service off or on.
type ActivityInput struct {
	ID      globalid.ID
	Version int // as it was read
}

// Deactivate takes a service out of sale: no new line can have it, also where a price
// list still has it. Lines that were made stay.
func (s *Service) Deactivate(ctx context.Context, in ActivityInput) (*ent.Service, error) {
	if err := actor.Require(ctx, actor.ServiceDelete); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, was *ent.Service) error {
		return s.setActive(ctx, tx, was, false, audit.Delete)
	})
}

// Activate puts a service on sale again.
func (s *Service) Activate(ctx context.Context, in ActivityInput) (*ent.Service, error) {
	if err := actor.Require(ctx, actor.ServiceWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, was *ent.Service) error {
		return s.setActive(ctx, tx, was, true, audit.Update)
	})
}

func (s *Service) setActive(ctx context.Context, tx *ent.Tx, was *ent.Service, active bool, action audit.Action) error {
	if err := tx.Service.UpdateOne(was).SetIsActive(active).AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("switch service %d: %w", was.ID, err)
	}
	changes := audit.Changes{}
	changes.Set("is_active", was.IsActive, active)
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.Service, EntityID: was.ID, Changes: changes})
}
