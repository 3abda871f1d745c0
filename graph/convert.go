package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/rate"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// connection presents a page of a list.
func connection[T any](l *page.List[T], err error) (*gqlmodel.Connection[T], error) {
	if err != nil {
		return nil, err
	}
	return gqlmodel.NewConnection(l), nil
}

// or is the value of an argument, its zero value when it was absent.
func or[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}

// counted is a count that could be made.
func counted(n int, err error) (*int, error) {
	if err != nil {
		return nil, err
	}
	return &n, nil
}

func pointers[T any](values []T) []*T {
	ps := make([]*T, len(values))
	for i := range values {
		ps[i] = &values[i]
	}
	return ps
}

// change tells an absent field from one that is to be cleared.
func change[T any](o graphql.Omittable[*T]) input.Change[T] {
	return input.Change[T]{Given: o.IsSet(), To: o.Value()}
}

func updateWorkOrder(in gen.UpdateWorkOrderInput) workorder.UpdateInput {
	return workorder.UpdateInput{
		ID: in.ID, Version: in.Version, CariCode: in.CariCode, Type: in.Type, Subject: in.Subject,
		Description: change(in.Description), Priority: in.Priority, ServiceCode: change(in.ServiceCode), Action: change(in.Action),
		PlannedStart: change(in.PlannedStart), PlannedEnd: change(in.PlannedEnd), GateRequired: in.GateRequired,
		FieldLogAllowed: in.FieldLogAllowed, IsCabotage: in.IsCabotage, ApplyRuleAddons: in.ApplyRuleAddons, Notes: change(in.Notes),
	}
}

func updateWorkOrderItem(in gen.UpdateWorkOrderItemInput) workorder.UpdateItemInput {
	return workorder.UpdateItemInput{
		ID: in.ID, Version: in.Version, Quantity: in.Quantity, Unit: in.Unit, UnitPrice: in.UnitPrice, VatRate: in.VatRate, Notes: change(in.Notes),
	}
}

func updateCari(in gen.UpdateCariInput) cari.UpdateInput {
	return cari.UpdateInput{
		ID: in.ID, Version: in.Version, Title: in.Title, Type: in.Type, Role: in.Role, TaxOffice: change(in.TaxOffice),
		TaxNumber: change(in.TaxNumber), NationalID: change(in.NationalID), Country: in.Country, City: change(in.City),
		District: change(in.District), Address: change(in.Address), Phone: change(in.Phone), Email: change(in.Email),
		ContactPerson: change(in.ContactPerson), Iban: change(in.Iban), PaymentTermDays: in.PaymentTermDays,
		Currency: in.Currency, Notes: change(in.Notes),
	}
}

func updateParameter(in gen.UpdateParameterInput) parameter.UpdateInput {
	return parameter.UpdateInput{
		ID: in.ID, Version: in.Version, Name: in.Name, Value: in.Value, Description: change(in.Description), SortNo: in.SortNo,
	}
}

func parameterPayload(ctx context.Context) func(*ent.Parameter, error) (*gen.ParameterPayload, error) {
	return func(p *ent.Parameter, err error) (*gen.ParameterPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.ParameterPayload{Parameter: p, UserErrors: refused}, nil
	}
}

func cariPayload(ctx context.Context) func(*ent.Cari, error) (*gen.CariPayload, error) {
	return func(c *ent.Cari, err error) (*gen.CariPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.CariPayload{Cari: c, UserErrors: refused}, nil
	}
}

// viewer presents who is asking; nil for strangers.
func viewer(a *actor.Actor) *gen.Viewer {
	if a == nil {
		return nil
	}
	v := &gen.Viewer{ID: globalid.ID{Type: "User", Key: a.ID}, Email: a.Email, FullName: a.Name, Roles: a.Roles, Permissions: []string{}}
	for _, p := range a.Permissions() {
		v.Permissions = append(v.Permissions, string(p))
	}
	return v
}

// whoIsUnknown is why it could not be found out who asks, as while the database is
// away. A stranger, and one whose token is not good, is known to be nobody.
func whoIsUnknown(ctx context.Context) error {
	if actor.From(ctx) != nil {
		return nil
	}
	err := actor.NotSignedIn(ctx)
	if _, refused := apperr.All(err); refused {
		return nil
	}
	return err
}

func loginPayload(ctx context.Context) func(*user.Session, error) (*gen.LoginPayload, error) {
	return func(s *user.Session, err error) (*gen.LoginPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		p := &gen.LoginPayload{UserErrors: refused}
		if s != nil {
			p.AccessToken, p.ExpiresAt, p.RefreshToken, p.User = &s.AccessToken, &s.ExpiresAt, &s.RefreshToken, viewer(s.Viewer)
		}
		return p, nil
	}
}

func authPayload(ctx context.Context, err error) (*gen.AuthPayload, error) {
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.AuthPayload{UserErrors: refused}, nil
}

func userPayload(ctx context.Context) func(*ent.User, error) (*gen.UserPayload, error) {
	return func(u *ent.User, err error) (*gen.UserPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.UserPayload{User: u, UserErrors: refused}, nil
	}
}

func rolePayload(ctx context.Context) func(*ent.Role, error) (*gen.RolePayload, error) {
	return func(r *ent.Role, err error) (*gen.RolePayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.RolePayload{Role: r, UserErrors: refused}, nil
	}
}

func jobRunPayload(ctx context.Context) func(*ent.JobRun, error) (*gen.JobRunPayload, error) {
	return func(r *ent.JobRun, err error) (*gen.JobRunPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.JobRunPayload{JobRun: r, UserErrors: refused}, nil
	}
}

func ratePayload(ctx context.Context) func(*ent.ExchangeRate, error) (*gen.ExchangeRatePayload, error) {
	return func(r *ent.ExchangeRate, err error) (*gen.ExchangeRatePayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.ExchangeRatePayload{ExchangeRate: r, UserErrors: refused}, nil
	}
}

func fetchedPayload(ctx context.Context) func(*rate.Fetched, error) (*gen.FetchExchangeRatesPayload, error) {
	return func(f *rate.Fetched, err error) (*gen.FetchExchangeRatesPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		p := &gen.FetchExchangeRatesPayload{ExchangeRates: []*ent.ExchangeRate{}, Skipped: []*rate.Skip{}, UserErrors: refused}
		if f != nil {
			p.BulletinDate, p.BulletinNumber = &f.BulletinDate, &f.BulletinNumber
			p.Created, p.Updated, p.Unchanged = f.Created, f.Updated, f.Unchanged
			p.ExchangeRates, p.Skipped = f.Rates, f.Skipped
		}
		return p, nil
	}
}

// permissionNames are the names of a role's rights.
func permissionNames(ps []*ent.Permission) []string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	return names
}
