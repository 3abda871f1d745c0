package cache_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/cache"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// generations are those of all tables now.
func generations(t *testing.T, db *store.DB) cache.Generations {
	t.Helper()
	g := cache.Generations{}
	for _, r := range db.CacheGeneration.Query().AllX(t.Context()) {
		g[r.TableName] = r.Generation
	}
	return g
}

// changed are the tables whose generation is another one.
func changed(before, after cache.Generations) (tables []string) {
	for table, g := range after {
		if before[table] != g {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return tables
}

// lonely makes a row in each table that nothing points to, and returns a condition that finds it.
func lonely(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	ctx, id := t.Context(), func(key int64) string { return fmt.Sprintf("id = %d", key) }
	role, right := db.Role.Create().SetName("X").SaveX(ctx), db.Permission.Create().SetName("x:x").SaveX(ctx)
	linkedRole := db.Role.Create().SetName("Y").AddPermissions(right).SaveX(ctx)
	holder := db.User.Create().SetEmail("y@aliaport.example").SetFullName("Y").SetPasswordHash("x").AddRoles(linkedRole).SaveX(ctx)
	free := db.Permission.Create().SetName("y:y").SaveX(ctx)
	aliatest.Rate(t, db, "USD", calendar.Date{Year: 2026, Month: 3, Day: 2}, "34.5")
	day := calendar.Date{Year: 2026, Month: 1, Day: 1}
	return map[string]string{
		"parameters":       id(db.Parameter.Create().SetCategory("X").SetCode("X").SetName("x").SetValue("x").SaveX(ctx).ID),
		"exchange_rates":   id(db.ExchangeRate.Query().OnlyIDX(ctx)),
		"price_lists":      id(db.PriceList.Create().SetCode("X").SetVersion(1).SetName("x").SetCurrency("TRY").SetValidFrom(day).SetCreatedBy(holder.ID).SetUpdatedBy(holder.ID).SaveX(ctx).ID),
		"services":         id(aliatest.Service(t, db, "X", "SAAT", "1", "TRY", "FIXED", "")),
		"cari":             id(db.Cari.Create().SetCariCode("X").SetTitle("x").SetTitleFold("x").SetSearchText("x").SetType("LEGAL").SetRole("CUSTOMER").SaveX(ctx).ID),
		"roles":            id(role.ID),
		"permissions":      id(free.ID),
		"user_roles":       fmt.Sprintf("user_id = %d", holder.ID),
		"role_permissions": fmt.Sprintf("role_id = %d", linkedRole.ID),
	}
}

func TestEveryChangeToAFeedingTableDrawsItAnotherGeneration(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		missing, err := cache.Untriggered(t.Context(), db.Reader(), db.Dialect())
		if err != nil || len(missing) > 0 {
			t.Fatalf("%v have no triggers (%v)", missing, err)
		}
		rows := lonely(t, db)
		for _, table := range cache.Tables() {
			where, ok := rows[table]
			if !ok {
				t.Errorf("%s feeds a namespace: make a row of it in lonely", table)
				continue
			}
			c, err := db.Writer().Conn(t.Context()) // temporary tables are a connection's
			if err != nil {
				t.Fatal(err)
			}
			steps := []string{
				fmt.Sprintf("CREATE TEMPORARY TABLE aside AS SELECT * FROM %s WHERE %s", table, where),
				fmt.Sprintf("DELETE FROM %s WHERE %s", table, where),
				fmt.Sprintf("INSERT INTO %s SELECT * FROM aside", table),
				fmt.Sprintf("UPDATE %s SET %s WHERE %s", table, where, where),
			}
			if table == "user_roles" && db.Dialect() == dialect.Postgres {
				steps = append(steps, "TRUNCATE "+table)
			}
			for i, statement := range steps {
				before := generations(t, db)
				r, err := c.ExecContext(t.Context(), statement)
				if err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
				if n, _ := r.RowsAffected(); i > 0 && i < 4 && n != 1 {
					t.Fatalf("%s: %d rows", statement, n)
				}
				want := []string{table}
				if i == 0 {
					want = nil
				}
				if got := changed(before, generations(t, db)); !slices.Equal(got, want) {
					t.Errorf("%s: another generation for %v", statement, got)
				}
			}
			if _, err := c.ExecContext(t.Context(), "DROP TABLE aside"); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOnlyWhatIsCommittedDrawsAGeneration(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		lonely(t, db)
		before := generations(t, db)
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			tx.Parameter.Update().SetName("y").ExecX(t.Context())
			if err := cache.Renew(t.Context(), tx, []cache.Name{cache.Rates.Name}); err != nil {
				return err
			}
			return context.Canceled
		})
		if got := changed(before, generations(t, db)); err == nil || len(got) > 0 {
			t.Errorf("after a transaction that was undone: %v (%v)", got, err)
		}
		if err := db.InTx(t.Context(), func(tx *ent.Tx) error { return cache.Renew(t.Context(), tx, []cache.Name{cache.Rates.Name}) }); err != nil {
			t.Fatal(err)
		}
		if got := changed(before, generations(t, db)); !slices.Equal(got, []string{"exchange_rates", "parameters"}) {
			t.Errorf("renewed rates: %v", got)
		}
	})
}

// On PostgreSQL writers of one table must not wait for each other until one of them has
// answered everything else it has to do.
func TestWritersOfATableDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	lonely(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begin := func() *sql.Tx {
		tx, err := db.Writer().BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	exec := func(tx *sql.Tx, statement string) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	slow, quick := begin(), begin()
	exec(slow, "UPDATE services SET name = 'a'")
	exec(quick, "INSERT INTO permissions (name) VALUES ('z:z')")
	exec(slow, "INSERT INTO permissions (name) VALUES ('w:w')")
	before := generations(t, db)
	if err := quick.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := changed(before, generations(t, db)); !slices.Equal(got, []string{"permissions"}) {
		t.Errorf("the quick one: %v", got)
	}
	before = generations(t, db)
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := changed(before, generations(t, db)); !slices.Equal(got, []string{"permissions", "services"}) {
		t.Errorf("the slow one: %v", got)
	}
}

func TestAMissingTriggerIsNamed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		drop := map[string]string{dialect.SQLite: "DROP TRIGGER parameters_updated_generation", dialect.Postgres: "ALTER TABLE parameters DISABLE TRIGGER parameters_new_generation"}
		if _, err := db.Writer().ExecContext(t.Context(), drop[db.Dialect()]); err != nil {
			t.Fatal(err)
		}
		missing, err := cache.Untriggered(t.Context(), db.Reader(), db.Dialect())
		if err != nil || !slices.Equal(missing, []string{"parameters"}) {
			t.Errorf("%v (%v)", missing, err)
		}
	})
}
