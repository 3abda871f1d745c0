package sequence_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
)

func next(t *testing.T, db *store.DB, kind sequence.Kind, year int) string {
	t.Helper()
	var number string
	err := db.InTx(t.Context(), func(tx *ent.Tx) (err error) {
		number, err = sequence.Next(t.Context(), tx, kind, year)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestNumbersCountPerKindAndYear(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for i, step := range []struct {
			kind sequence.Kind
			year int
			want string
		}{
			{sequence.WorkOrder, 2026, "WO-2026-00001"},
			{sequence.WorkOrder, 2026, "WO-2026-00002"},
			{sequence.WorkOrder, 2027, "WO-2027-00001"},
			{"SF", 2026, "SF-2026-00001"},
			{sequence.WorkOrder, 2026, "WO-2026-00003"},
			{"SF", 2026, "SF-2026-00002"},
			{sequence.WorkOrder, 2027, "WO-2027-00002"},
		} {
			if got := next(t, db, step.kind, step.year); got != step.want {
				t.Errorf("step %d: got %s, want %s", i, got, step.want)
			}
		}
	})
}

func TestRollbackLeavesNoGap(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for _, want := range []string{"WO-2026-00001", "WO-2026-00002"} {
			refused := errors.New("refused")
			err := db.InTx(t.Context(), func(tx *ent.Tx) error {
				if number, err := sequence.Next(t.Context(), tx, sequence.WorkOrder, 2026); err != nil || number != want {
					t.Errorf("in vain: got %s, error %v; want %s", number, err, want)
				}
				return refused
			})
			if !errors.Is(err, refused) {
				t.Fatal(err)
			}
			if got := next(t, db, sequence.WorkOrder, 2026); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestNumbersGrowAfterFiveDigits(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		db.NumberSequence.Create().SetKind("WO").SetYear(2026).SetLast(99998).ExecX(t.Context())
		for _, want := range []string{"WO-2026-99999", "WO-2026-100000", "WO-2026-100001"} {
			if got := next(t, db, sequence.WorkOrder, 2026); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestManyAtOnceGetANumberEach(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		numbers := make([]string, 40)
		want := make([]string, len(numbers))
		var g errgroup.Group
		for i := range numbers {
			want[i] = fmt.Sprintf("WO-2026-%05d", i+1)
			g.Go(func() error {
				return db.InTx(t.Context(), func(tx *ent.Tx) (err error) {
					numbers[i], err = sequence.Next(t.Context(), tx, sequence.WorkOrder, 2026)
					return err
				})
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if slices.Sort(numbers); !slices.Equal(numbers, want) {
			t.Errorf("got %v", numbers)
		}
	})
}

func TestNextTellsWhichNumberFailed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		if _, err := db.ExecContext(t.Context(), "DROP TABLE number_sequences"); err != nil {
			t.Fatal(err)
		}
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			number, err := sequence.Next(t.Context(), tx, sequence.WorkOrder, 2026)
			if number != "" {
				t.Errorf("got %s", number)
			}
			return err
		})
		if err == nil {
			t.Error("a number out of no table")
		}
	})
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "WO-2026-00001", 42: "WO-2026-00042", 99999: "WO-2026-99999", 100000: "WO-2026-100000", 1234567: "WO-2026-1234567"} {
		if got := sequence.Format(sequence.WorkOrder, 2026, n); got != want {
			t.Errorf("number %d: got %s, want %s", n, got, want)
		}
	}
}
