package parameter

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// program is the name under which the history keeps what nobody did.
const program = "aliaport"

// Ensure puts the parameters that the program knows into the database, with the
// holidays of this year and the next two. What is there stays as it is; any number
// of servers may start at once.
func Ensure(ctx context.Context, db *store.DB, now time.Time) error {
	wanted := append([]Known{}, known...)
	for year := calendar.Year(now); year <= calendar.Year(now)+yearsAhead; year++ {
		wanted = append(wanted, holidaysOf(year)...)
	}
	there, err := codes(ctx, db.Client)
	if err != nil {
		return err
	}
	missing := false
	for _, k := range wanted {
		missing = missing || !there[[2]string{k.Category, k.Code}]
	}
	if !missing {
		return nil
	}
	return db.InTx(ctx, func(tx *ent.Tx) error {
		creates := make([]*ent.ParameterCreate, 0, len(wanted))
		for _, k := range wanted {
			if there[[2]string{k.Category, k.Code}] {
				continue
			}
			c := tx.Parameter.Create().SetCategory(k.Category).SetCode(k.Code).SetName(k.Name).SetValue(k.Default).SetDataType(k.Type).
				SetSortNo(k.sort).SetIsSystem(k.System).SetIsActive(!k.Inactive).SetCreatedAt(now).SetUpdatedAt(now)
			if k.Description != "" {
				c.SetDescription(k.Description)
			}
			creates = append(creates, c)
		}
		// Another starter may be doing the same: whoever comes second finds the rows and
		// their history there once the first has committed.
		err := tx.Parameter.CreateBulk(creates...).OnConflict(sql.ConflictColumns(parameter.FieldCategory, parameter.FieldCode), sql.DoNothing()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("add known parameters: %w", err)
		}
		return begin(ctx, tx, now)
	})
}

func codes(ctx context.Context, c *ent.Client) (map[[2]string]bool, error) {
	rows, err := c.Parameter.Query().Select(parameter.FieldCategory, parameter.FieldCode).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the codes of parameters: %w", err)
	}
	there := make(map[[2]string]bool, len(rows))
	for _, r := range rows {
		there[[2]string{r.Category, r.Code}] = true
	}
	return there, nil
}

// begin gives those parameters a history that have none yet.
func begin(ctx context.Context, tx *ent.Tx, now time.Time) error {
	fresh, err := tx.Parameter.Query().Where(parameter.Not(parameter.HasHistory())).All(ctx)
	if err != nil {
		return fmt.Errorf("look for parameters without a history: %w", err)
	}
	creates := make([]*ent.ParameterHistoryCreate, len(fresh))
	for i, p := range fresh {
		creates[i] = tx.ParameterHistory.Create().SetParameterID(p.ID).SetNewValue(p.Value).SetIsActive(p.IsActive).SetUserName(program).SetCreatedAt(now)
	}
	if err := tx.ParameterHistory.CreateBulk(creates...).Exec(ctx); err != nil {
		return fmt.Errorf("begin the history of parameters: %w", err)
	}
	return nil
}
