// Package cari holds the rules of customer accounts (cari).
package cari

import (
	"context"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/identity"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// Service makes, changes and finds customer accounts.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// codeForm is what codes look like. They never change.
var codeForm = regexp.MustCompile(`^[A-Z0-9_-]{3,20}$`)

var countryForm = regexp.MustCompile(`^[A-Z]{2}$`)

// CreateInput describes a new account.
type CreateInput struct {
	CariCode        string
	Title           string
	Type            cari.Type
	Role            cari.Role
	TaxOffice       *string // required of a legal person in Turkey
	TaxNumber       *string // VKN in Turkey; required of a legal person there
	NationalID      *string // TCKN; required of a natural person in Turkey
	Country         string  // ISO 3166 alpha-2
	City            *string
	District        *string
	Address         *string
	Phone           *string
	Email           *string
	ContactPerson   *string
	Iban            *string
	PaymentTermDays *int    // the port's default when nil
	Currency        *string // the port's default when nil
	Notes           *string
	IdempotencyKey  *string
}

// Create makes an account.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.Cari, error) {
	if err := actor.Require(ctx, actor.CariWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createCari", in, func() (int64, error) {
			return s.create(ctx, tx, in)
		})
		return err
	})
	if store.Classify(err).Is("cari_cari_code") { // another was faster
		return nil, apperr.New(apperr.CariDuplicate, "cariCode", in.CariCode).At("cariCode")
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	return s.DB.Cari.Get(ctx, id)
}

func (in *CreateInput) clean() error {
	var faults apperr.Errors
	if !codeForm.MatchString(in.CariCode) {
		faults.Add(apperr.Invalid("cariCode", apperr.CariCode))
	}
	faults.Add(input.Text("title", &in.Title, 2, 200))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	faults = append(faults, (&details{
		typ: in.Type, taxOffice: &in.TaxOffice, taxNumber: &in.TaxNumber, nationalID: &in.NationalID, country: in.Country,
		city: &in.City, district: &in.District, address: &in.Address, phone: &in.Phone, email: &in.Email,
		contactPerson: &in.ContactPerson, iban: &in.Iban, notes: &in.Notes, term: in.PaymentTermDays, currency: in.Currency,
	}).clean()...)
	return faults.OrNil()
}

// details are the fields that a new and a changed account are held to alike.
type details struct {
	typ                                   cari.Type
	taxOffice, taxNumber, nationalID      **string
	country                               string
	city, district, address, phone, email **string
	contactPerson, iban, notes            **string
	term                                  *int
	currency                              *string
}

func (d *details) clean() (faults apperr.Errors) {
	for _, t := range []struct {
		field   string
		text    **string
		longest int
	}{
		{"taxOffice", d.taxOffice, 100},
		{"taxNumber", d.taxNumber, 20},
		{"nationalId", d.nationalID, 20},
		{"city", d.city, 50},
		{"district", d.district, 50},
		{"address", d.address, 500},
		{"phone", d.phone, 50},
		{"email", d.email, 100},
		{"contactPerson", d.contactPerson, 100},
		{"iban", d.iban, 50},
		{"notes", d.notes, 1000},
	} {
		faults.Add(input.OptionalText(t.field, t.text, t.longest))
	}
	if !countryForm.MatchString(d.country) {
		faults.Add(apperr.Invalid("country", apperr.Country))
	}
	if d.currency != nil && !money.IsCurrency(*d.currency) {
		faults.Add(apperr.Invalid("currency", apperr.Currency))
	}
	if d.term != nil && (*d.term < 0 || *d.term > 365) {
		faults.Add(apperr.Invalid("paymentTermDays", apperr.OutOfRange, "min", 0, "max", 365))
	}
	faults = append(faults, d.identity()...)
	if v := *d.phone; v != nil {
		number, ok := identity.Phone(*v)
		if !ok {
			faults.Add(apperr.New(apperr.CariPhone).At("phone"))
		}
		*d.phone = &number
	}
	if v := *d.email; v != nil {
		address := strings.ToLower(*v)
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			faults.Add(apperr.New(apperr.CariEmail).At("email"))
		}
		*d.email = &address
	}
	if v := *d.iban; v != nil {
		number, ok := identity.IBAN(*v)
		if !ok {
			faults.Add(apperr.Invalid("iban", apperr.IBAN))
		}
		*d.iban = &number
	}
	return faults
}

// identity couples the kind of person with its numbers. Those of other countries
// are not checked: their rules are not ours.
func (d *details) identity() (faults apperr.Errors) {
	legal, tax, id := d.typ == cari.TypeLegal, *d.taxNumber, *d.nationalID
	if legal && id != nil {
		faults.Add(apperr.Invalid("nationalId", apperr.NotForLegal))
	}
	if d.country != "TR" {
		return faults
	}
	switch {
	case tax != nil && !identity.IsTaxNumber(*tax):
		faults.Add(apperr.New(apperr.CariTaxNumber).At("taxNumber"))
	case legal && tax == nil:
		faults.Add(apperr.Invalid("taxNumber", apperr.Required))
	}
	if legal && *d.taxOffice == nil {
		faults.Add(apperr.Invalid("taxOffice", apperr.Required))
	}
	switch {
	case legal:
	case id == nil:
		faults.Add(apperr.Invalid("nationalId", apperr.Required))
	case !identity.IsNationalID(*id):
		faults.Add(apperr.Invalid("nationalId", apperr.NationalID))
	}
	return faults
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput) (int64, error) {
	taken, err := tx.Cari.Query().Where(cari.CariCode(in.CariCode)).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for customer account %s: %w", in.CariCode, err)
	}
	if taken {
		return 0, apperr.New(apperr.CariDuplicate, "cariCode", in.CariCode).At("cariCode")
	}
	term, currency, err := agreed(ctx, tx, in)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	c, err := tx.Cari.Create().SetCariCode(in.CariCode).SetTitle(in.Title).SetTitleFold(turkish.Fold(in.Title)).
		SetSearchText(searchText(in.CariCode, in.Title)).SetType(in.Type).SetRole(in.Role).
		SetNillableTaxOffice(in.TaxOffice).SetNillableTaxNumber(in.TaxNumber).SetNillableNationalID(in.NationalID).
		SetCountry(in.Country).SetNillableCity(in.City).SetNillableDistrict(in.District).SetNillableAddress(in.Address).
		SetNillablePhone(in.Phone).SetNillableEmail(in.Email).SetNillableContactPerson(in.ContactPerson).SetNillableIban(in.Iban).
		SetPaymentTermDays(term).SetCurrency(currency).SetNillableNotes(in.Notes).
		SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create customer account %s: %w", in.CariCode, err)
	}
	return c.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.Cari, EntityID: c.ID,
		Changes: audit.Changes{
			"cari_code": {nil, in.CariCode}, "title": {nil, in.Title}, "type": {nil, in.Type},
			"tax_number": {nil, audit.Shown(in.TaxNumber)}, "national_id": {nil, audit.Shown(in.NationalID)},
		},
	})
}

// agreed are the payment term and the currency of a new account: those named, or
// the port's.
func agreed(ctx context.Context, tx *ent.Tx, in CreateInput) (term int, currency string, err error) {
	if in.PaymentTermDays != nil {
		term = *in.PaymentTermDays
	} else if term, err = parameter.Get(ctx, tx.Client(), parameter.PaymentTermDays); err != nil {
		return 0, "", err
	}
	if in.Currency == nil {
		currency, err = parameter.Get(ctx, tx.Client(), parameter.DefaultCurrency)
		return term, currency, err
	}
	return term, *in.Currency, mayDealIn(ctx, tx, *in.Currency)
}

// mayDealIn refuses a currency that the port does not use.
func mayDealIn(ctx context.Context, tx *ent.Tx, currency string) error {
	choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Currencies)
	if err != nil {
		return err
	}
	if e := choices.Currency("currency", currency); e != nil {
		return e
	}
	return nil
}

func searchText(code, title string) string { return turkish.Fold(code + " " + title) }

// UpdateInput changes an account. Nil fields and changes not given stay.
type UpdateInput struct {
	ID              globalid.ID
	Version         int // as it was read
	Title           *string
	Type            *cari.Type
	Role            *cari.Role
	TaxOffice       input.Change[string]
	TaxNumber       input.Change[string]
	NationalID      input.Change[string]
	Country         *string
	City            input.Change[string]
	District        input.Change[string]
	Address         input.Change[string]
	Phone           input.Change[string]
	Email           input.Change[string]
	ContactPerson   input.Change[string]
	Iban            input.Change[string]
	PaymentTermDays *int
	Currency        *string
	Notes           input.Change[string]
}

// Update changes an account. On VERSION_CONFLICT the current one comes back with
// the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Cari, error) {
	if err := actor.Require(ctx, actor.CariWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, c *ent.Cari) error {
		return s.update(ctx, tx, c, in)
	})
}

// change runs a change to a locked account whose version must be the one that was
// read.
func (s *Service) change(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.Cari) error) (*ent.Cari, error) {
	key, err := id.Of("Cari")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		q := tx.Cari.Query().Where(cari.ID(key))
		if s.DB.Dialect() == dialect.Postgres {
			q.ForUpdate()
		}
		c, err := q.Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.CariNotFound).At("id")
		case err != nil:
			return fmt.Errorf("lock customer account %d: %w", key, err)
		case c.Version != version:
			return apperr.New(apperr.VersionConflict, "current", c.Version, "expected", version)
		}
		return do(tx, c)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	c, again := s.DB.Cari.Get(ctx, key)
	if again != nil {
		return nil, fmt.Errorf("read customer account %d again: %w", key, again)
	}
	return c, err
}
