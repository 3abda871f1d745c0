package cari

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Ref names an account by id or by code, with the input fields that these came in.
type Ref struct {
	ID                 *globalid.ID
	Code               *string
	IDField, CodeField string
}

// Active returns an account for a new record, which it must be active for, and keeps
// it from being deactivated until the transaction ends. On SQLite the transaction
// itself does that.
func Active(ctx context.Context, tx *ent.Tx, dialectName string, r Ref) (*ent.Cari, error) {
	q := tx.Cari.Query()
	field := r.CodeField
	if r.ID != nil {
		key, err := r.ID.Of("Cari")
		if err != nil {
			return nil, err
		}
		q.Where(cari.ID(key))
		field = r.IDField
	} else {
		q.Where(cari.CariCode(*r.Code))
	}
	if dialectName == dialect.Postgres {
		// Other changes to the account need not wait for each other and for this.
		q.ForShare(sql.WithLockClause("FOR KEY SHARE"))
	}
	c, err := q.Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.CariNotFound).At(field)
	case err != nil:
		return nil, fmt.Errorf("find customer account: %w", err)
	case !c.IsActive:
		return nil, apperr.New(apperr.CariInactive, "cariCode", c.CariCode).At(field)
	}
	return c, nil
}
