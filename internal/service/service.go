// Package service holds the rules of the services that the port sells (hizmet).
package service

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// Service makes, changes and finds services.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// codeForm is what codes look like. They never change.
var codeForm = regexp.MustCompile(`^[A-Z0-9._-]{3,50}$`)

// CreateInput describes a new service.
type CreateInput struct {
	Code                string
	Name                string
	Description         *string
	AccountingCode      *string
	GroupCode           *string
	CategoryCode        *string
	Unit                string
	BasePrice           decimal.Decimal
	Currency            string
	VatRate             *decimal.Decimal // percent; as parameters say when nil
	VatExemption        *string
	CalculationType     service.CalculationType
	FormulaParams       *Params
	RequiresPersonCount bool
	RequiresVehicleInfo bool
	RequiresWeightInfo  bool
	SortNo              int
	IdempotencyKey      *string
}

// Create makes a service.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.Service, error) {
	if err := actor.Require(ctx, actor.ServiceWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if !codeForm.MatchString(in.Code) {
		faults.Add(apperr.Invalid("code", apperr.ServiceCode))
	}
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	c := card{
		name: &in.Name, description: &in.Description, accountingCode: &in.AccountingCode, groupCode: &in.GroupCode, categoryCode: &in.CategoryCode,
		unit: in.Unit, price: in.BasePrice, currency: in.Currency, vatRate: in.VatRate, vatExemption: &in.VatExemption,
		calculation: in.CalculationType, params: in.FormulaParams, sortNo: in.SortNo,
	}
	params, err := c.clean(&faults)
	if err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createService", in, func() (int64, error) {
			return s.create(ctx, tx, in, &c, params)
		})
		return err
	})
	if store.Classify(err).Is("services_code") { // another was faster
		return nil, apperr.New(apperr.ServiceDuplicate, "code", in.Code).At("code")
	}
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

// card is what a new and a changed service are held to alike.
type card struct {
	name                                                               *string
	description, accountingCode, groupCode, categoryCode, vatExemption **string
	unit                                                               string
	price                                                              decimal.Decimal
	currency                                                           string
	vatRate                                                            *decimal.Decimal
	calculation                                                        service.CalculationType
	params                                                             *Params
	sortNo                                                             int
}

// maxSortNo is far beyond any catalogue.
const maxSortNo = 1_000_000

// clean refuses what can be told without looking anything up, together with faults,
// and returns the parameters as they are stored.
func (c *card) clean(faults *apperr.Errors) (json.RawMessage, error) {
	faults.Add(input.Text("name", c.name, 2, 200))
	faults.Add(input.OptionalText("description", c.description, 1000))
	faults.Add(input.OptionalText("accountingCode", c.accountingCode, 50))
	faults.Add(input.OptionalText("groupCode", c.groupCode, 50))
	faults.Add(input.OptionalText("categoryCode", c.categoryCode, 50))
	faults.Add(input.OptionalText("vatExemption", c.vatExemption, 20))
	if e := money.Check("basePrice", c.price, money.PricePlaces); e != nil {
		faults.Add(e)
	} else if c.price.IsNegative() {
		faults.Add(apperr.Invalid("basePrice", apperr.NotNegative))
	}
	if c.sortNo < 0 || c.sortNo > maxSortNo {
		faults.Add(apperr.Invalid("sortNo", apperr.OutOfRange, "min", 0, "max", maxSortNo))
	}
	if e := *c.vatExemption; e != nil && *e == noExemption {
		*c.vatExemption = nil
	}
	if *c.vatExemption != nil && c.vatRate != nil && !c.vatRate.IsZero() {
		faults.Add(apperr.Invalid("vatRate", apperr.ExemptIsZero))
	}
	p := c.params
	if p == nil {
		p = &Params{}
	}
	params, err := p.parse(pricing.Type(c.calculation))
	if refused, ok := apperr.All(err); ok {
		*faults = append(*faults, refused...)
	} else if err != nil {
		return nil, err
	}
	return params, faults.OrNil()
}

// noExemption is the code of KDV_ISTISNA that means none.
const noExemption = "NONE"

// choose refuses what is not offered, and settles the VAT rate.
func (c *card) choose(ctx context.Context, client *ent.Client, was *ent.Service) (decimal.Decimal, error) {
	choices, err := parameter.ChoicesOf(ctx, client, parameter.Units, parameter.Currencies, parameter.VATRates, parameter.VATExemptions, parameter.ServiceGroups, parameter.ServiceCategories)
	if err != nil {
		return decimal.Zero, err
	}
	if was == nil {
		was = &ent.Service{}
	}
	var faults apperr.Errors
	if c.unit != was.Unit { // what is no longer offered may stay
		faults.Add(choices.Unit("unit", c.unit))
	}
	if c.currency != was.Currency {
		faults.Add(choices.Currency("currency", c.currency))
	}
	for _, f := range []struct {
		field, category string
		code, was       *string
	}{
		{"groupCode", parameter.ServiceGroups, *c.groupCode, was.GroupCode},
		{"categoryCode", parameter.ServiceCategories, *c.categoryCode, was.CategoryCode},
		{"vatExemption", parameter.VATExemptions, *c.vatExemption, was.VatExemption},
	} {
		if f.code != nil && or(f.was, "") != *f.code && !choices.Has(f.category, *f.code) {
			faults.Add(apperr.Invalid(f.field, apperr.NotActive, "category", f.category))
		}
	}
	rate := decimal.Zero
	switch {
	case *c.vatExemption != nil:
	case c.vatRate != nil:
		if rate = *c.vatRate; !rate.Equal(was.VatRate) || was.ID == 0 {
			faults.Add(choices.VATRate("vatRate", rate))
		}
	default:
		if rate, err = parameter.Get(ctx, client, parameter.ItemVATRate); err != nil {
			return rate, err
		}
	}
	return rate, faults.OrNil()
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput, c *card, params json.RawMessage) (int64, error) {
	taken, err := tx.Service.Query().Where(service.Code(in.Code)).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for service %s: %w", in.Code, err)
	}
	if taken {
		return 0, apperr.New(apperr.ServiceDuplicate, "code", in.Code).At("code")
	}
	rate, err := c.choose(ctx, tx.Client(), nil)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	b := tx.Service.Create().SetCode(in.Code).SetName(in.Name).SetNameFold(turkish.Fold(in.Name)).SetSearchText(searchText(in.Code, in.Name)).
		SetNillableDescription(in.Description).SetNillableAccountingCode(in.AccountingCode).SetNillableGroupCode(in.GroupCode).
		SetNillableCategoryCode(in.CategoryCode).SetUnit(in.Unit).SetBasePrice(in.BasePrice).SetCurrency(in.Currency).SetVatRate(rate).
		SetNillableVatExemption(in.VatExemption).SetCalculationType(in.CalculationType).SetRequiresPersonCount(in.RequiresPersonCount).
		SetRequiresVehicleInfo(in.RequiresVehicleInfo).SetRequiresWeightInfo(in.RequiresWeightInfo).SetSortNo(in.SortNo).
		SetCreatedAt(now).SetUpdatedAt(now)
	if params != nil {
		b.SetFormulaParams(params)
	}
	made, err := b.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create service %s: %w", in.Code, err)
	}
	return made.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.Service, EntityID: made.ID,
		Changes: audit.Changes{
			"code": {nil, in.Code}, "name": {nil, in.Name}, "unit": {nil, in.Unit}, "base_price": {nil, in.BasePrice}, "currency": {nil, in.Currency},
			"vat_rate": {nil, rate}, "calculation_type": {nil, in.CalculationType}, "formula_params": {nil, shown(params)},
		},
	})
}

// shown is JSON as the trail keeps it.
func shown(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

func searchText(code, name string) string { return turkish.Fold(code + " " + name) }

// change runs a change to a locked service whose version must be the one that was
// read.
func (s *Service) change(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.Service) error) (*ent.Service, error) {
	key, err := id.Of("Service")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		q := tx.Service.Query().Where(service.ID(key))
		if s.DB.Dialect() == dialect.Postgres {
			q.ForUpdate()
		}
		was, err := q.Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.ServiceNotFound).At("id")
		case err != nil:
			return fmt.Errorf("lock service %d: %w", key, err)
		case was.Version != version:
			return apperr.New(apperr.VersionConflict, "current", was.Version, "expected", version)
		}
		return do(tx, was)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	now, again := s.reread(ctx, key)
	if again != nil {
		return nil, again
	}
	return now, err
}

func (s *Service) reread(ctx context.Context, key int64) (*ent.Service, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	found, err := s.DB.Service.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read service %d again: %w", key, err)
	}
	return found, nil
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}
