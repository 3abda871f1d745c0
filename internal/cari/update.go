package cari

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/turkish"
)

func (s *Service) update(ctx context.Context, tx *ent.Tx, c *ent.Cari, in UpdateInput) error {
	if err := in.clean(c); err != nil {
		return err
	}
	if err := s.frozen(ctx, tx, c, in); err != nil {
		return err
	}
	if in.Currency != nil && *in.Currency != c.Currency {
		if err := mayDealIn(ctx, tx, *in.Currency); err != nil {
			return err
		}
	}
	u, changes := tx.Cari.UpdateOne(c), audit.Changes{}
	if in.Title != nil {
		u.SetTitle(*in.Title).SetTitleFold(turkish.Fold(*in.Title)).SetSearchText(searchText(c.CariCode, *in.Title))
		changes.Set("title", c.Title, *in.Title)
	}
	audit.Put(changes, "type", in.Type, c.Type, u.SetType)
	audit.Put(changes, "role", in.Role, c.Role, u.SetRole)
	audit.Put(changes, "country", in.Country, c.Country, u.SetCountry)
	audit.Put(changes, "payment_term_days", in.PaymentTermDays, c.PaymentTermDays, u.SetPaymentTermDays)
	audit.Put(changes, "currency", in.Currency, c.Currency, u.SetCurrency)
	audit.PutOrDrop(changes, "tax_office", in.TaxOffice, c.TaxOffice, u.SetTaxOffice, u.ClearTaxOffice)
	audit.PutOrDrop(changes, "tax_number", in.TaxNumber, c.TaxNumber, u.SetTaxNumber, u.ClearTaxNumber)
	audit.PutOrDrop(changes, "national_id", in.NationalID, c.NationalID, u.SetNationalID, u.ClearNationalID)
	audit.PutOrDrop(changes, "city", in.City, c.City, u.SetCity, u.ClearCity)
	audit.PutOrDrop(changes, "district", in.District, c.District, u.SetDistrict, u.ClearDistrict)
	audit.PutOrDrop(changes, "address", in.Address, c.Address, u.SetAddress, u.ClearAddress)
	audit.PutOrDrop(changes, "phone", in.Phone, c.Phone, u.SetPhone, u.ClearPhone)
	audit.PutOrDrop(changes, "email", in.Email, c.Email, u.SetEmail, u.ClearEmail)
	audit.PutOrDrop(changes, "contact_person", in.ContactPerson, c.ContactPerson, u.SetContactPerson, u.ClearContactPerson)
	audit.PutOrDrop(changes, "iban", in.Iban, c.Iban, u.SetIban, u.ClearIban)
	audit.PutOrDrop(changes, "notes", in.Notes, c.Notes, u.SetNotes, u.ClearNotes)
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("update customer account %d: %w", c.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.Cari, EntityID: c.ID, Changes: changes})
}

// clean holds the account as it would be after the change to the same rules as a
// new one. Fields that are not given are taken from the account.
func (in *UpdateInput) clean(c *ent.Cari) error {
	var faults apperr.Errors
	if in.Title != nil {
		faults.Add(input.Text("title", in.Title, 2, 200))
	}
	d := &details{typ: or(in.Type, c.Type), country: or(in.Country, c.Country), term: in.PaymentTermDays, currency: in.Currency}
	for _, f := range []struct {
		change *input.Change[string]
		was    *string
		as     ***string
	}{
		{&in.TaxOffice, c.TaxOffice, &d.taxOffice},
		{&in.TaxNumber, c.TaxNumber, &d.taxNumber},
		{&in.NationalID, c.NationalID, &d.nationalID},
		{&in.City, c.City, &d.city},
		{&in.District, c.District, &d.district},
		{&in.Address, c.Address, &d.address},
		{&in.Phone, c.Phone, &d.phone},
		{&in.Email, c.Email, &d.email},
		{&in.ContactPerson, c.ContactPerson, &d.contactPerson},
		{&in.Iban, c.Iban, &d.iban},
		{&in.Notes, c.Notes, &d.notes},
	} {
		f.change.To = f.change.Or(f.was)
		*f.as = &f.change.To
	}
	faults = append(faults, d.clean()...)
	return faults.OrNil()
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

// frozen refuses to change what orders and trips were made under: kind of person, tax
// number and currency, once there is any of them, deleted ones included.
func (s *Service) frozen(ctx context.Context, tx *ent.Tx, c *ent.Cari, in UpdateInput) error {
	var faults apperr.Errors
	locked := apperr.New(apperr.CariLocked)
	if or(in.Type, c.Type) != c.Type {
		faults.Add(locked.At("type"))
	}
	if or(in.TaxNumber.To, "") != or(c.TaxNumber, "") {
		faults.Add(locked.At("taxNumber"))
	}
	if or(in.Currency, c.Currency) != c.Currency {
		faults.Add(locked.At("currency"))
	}
	if len(faults) == 0 {
		return nil
	}
	moved, err := tx.WorkOrder.Query().Where(workorder.CariCode(c.CariCode)).Exist(ctx)
	if err == nil && !moved {
		moved, err = tx.Trip.Query().Where(trip.CariID(c.ID)).Exist(ctx)
	}
	if err != nil {
		return fmt.Errorf("look for orders and trips of customer account %d: %w", c.ID, err)
	}
	if moved {
		return faults
	}
	return nil
}

// ActivityInput switches an account off or on.
type ActivityInput struct {
	ID      globalid.ID
	Version int
}

// openStatuses are those of orders that still need their customer.
var openStatuses = []workorder.Status{
	workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted,
}

// Deactivate keeps an account from getting new orders. One with open orders is
// refused; accounts are never removed.
func (s *Service) Deactivate(ctx context.Context, in ActivityInput) (*ent.Cari, error) {
	if err := actor.Require(ctx, actor.CariDelete); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, c *ent.Cari) error {
		open, err := tx.WorkOrder.Query().Where(workorder.CariCode(c.CariCode), workorder.StatusIn(openStatuses...), workorder.IsActive(true)).Count(ctx)
		if err != nil {
			return fmt.Errorf("count open orders of customer account %d: %w", c.ID, err)
		}
		if open > 0 {
			return apperr.New(apperr.CariHasOrders, "count", open).At("id")
		}
		return s.setActive(ctx, tx, c, false, audit.Delete)
	})
}

// Activate lets an account have orders again.
func (s *Service) Activate(ctx context.Context, in ActivityInput) (*ent.Cari, error) {
	if err := actor.Require(ctx, actor.CariWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, c *ent.Cari) error {
		return s.setActive(ctx, tx, c, true, audit.Update)
	})
}

func (s *Service) setActive(ctx context.Context, tx *ent.Tx, c *ent.Cari, active bool, action audit.Action) error {
	if err := tx.Cari.UpdateOne(c).SetIsActive(active).AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("switch customer account %d: %w", c.ID, err)
	}
	changes := audit.Changes{}
	changes.Set("is_active", c.IsActive, active)
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.Cari, EntityID: c.ID, Changes: changes})
}
