package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

func TestStatsCount(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		newService(db.Client, "VINC").ExecX(t.Context())
		for name, tt := range map[string]struct {
			do   func(ctx context.Context) error
			want int
		}{
			"a query":         {func(ctx context.Context) error { return ignore(db.Service.Query().All(ctx)) }, 1},
			"a raw statement": {func(ctx context.Context) error { return ignore(db.ExecContext(ctx, "UPDATE services SET sort_no = 7")) }, 1},
			"a raw query": {func(ctx context.Context) error {
				rows, err := db.QueryContext(ctx, "SELECT 1")
				if err != nil {
					return err
				}
				defer rows.Close()
				return rows.Err()
			}, 1},
			"a transaction without BEGIN and COMMIT": {func(ctx context.Context) error {
				return db.InTx(ctx, func(tx *ent.Tx) error {
					if err := newService(tx.Client(), "TX").Exec(ctx); err != nil {
						return err
					}
					return ignore(tx.ExecContext(ctx, "DELETE FROM services WHERE code = 'TX'"))
				})
			}, 2},
			"an undone transaction": {func(ctx context.Context) error {
				_ = db.InTx(ctx, func(tx *ent.Tx) error {
					_ = newService(tx.Client(), "VINC").Exec(ctx)
					return errors.New("refused")
				})
				return nil
			}, 1},
			"a failing statement": {func(ctx context.Context) error { _ = newService(db.Client, "VINC").Exec(ctx); return nil }, 1},
			"what is not the caller's": {func(ctx context.Context) error {
				return ignore(db.User.Query().All(store.Uncounted(ctx)))
			}, 0},
			"parallel statements": {func(ctx context.Context) error {
				var g errgroup.Group
				for range 20 {
					g.Go(func() error { return ignore(db.Service.Query().All(ctx)) })
				}
				return g.Wait()
			}, 20},
		} {
			s := &store.Stats{}
			if err := tt.do(store.WithStats(t.Context(), s)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if s.Count() != tt.want {
				t.Errorf("%s: counted %d, want %d", name, s.Count(), tt.want)
			}
			if len(s.Statements()) != 0 {
				t.Errorf("%s: recorded without being asked to", name)
			}
		}
	})
}

func ignore[T any](_ T, err error) error { return err }

func TestStatsRecord(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := &store.Stats{Record: true}
		ctx := store.WithStats(t.Context(), s)
		for _, code := range []string{"A", "B", "gizli"} {
			newService(db.Client, code).ExecX(ctx)
		}
		db.Service.Query().Where(service.CodeNEQ("gizli")).AllX(ctx)
		db.Service.Update().SetSortNo(1).ExecX(ctx)
		all := s.Statements()
		if len(all) != 5 || s.Count() != 5 {
			t.Fatalf("recorded %d statements, counted %d, want 5", len(all), s.Count())
		}
		var took time.Duration
		for _, st := range all {
			took += st.Duration
			if strings.Contains(st.Text, "gizli") {
				t.Errorf("an argument was recorded: %s", st.Text)
			}
		}
		if took != s.Duration() || took == 0 {
			t.Errorf("total %v, sum of parts %v", s.Duration(), took)
		}
		if all[3].Rows != 2 || all[4].Rows != 3 {
			t.Errorf("read %d rows and changed %d, want 2 and 3", all[3].Rows, all[4].Rows)
		}
		if all[0].Hash() != all[1].Hash() || all[0].Hash() == all[3].Hash() {
			t.Error("the hash does not name the text")
		}
	})
}

func TestStatsOfNobody(t *testing.T) {
	t.Parallel()
	s := store.StatsFrom(t.Context())
	if s != nil || s.Count() != 0 || s.Duration() != 0 || s.Statements() != nil {
		t.Error("there are Stats in an empty context")
	}
}

func TestSlowStatementsAreLoggedWithoutArguments(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&out, nil))
		db, err := store.Open(t.Context(), aliatest.MigratedURL(t, dialectName), store.Options{SlowStatement: 1, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		newService(db.Client, "gizli").ExecX(t.Context())
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if line := out.String(); !strings.Contains(line, `"msg":"slow statement","statement":"`) || strings.Contains(line, "gizli") {
			t.Errorf("logged %s", line)
		}
	}
}
