package migrate_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"aliaport/internal/migrate"
)

// starterEnv makes the test binary start like a server: "dialect url".
const starterEnv = "ALIAPORT_TEST_STARTER"

func TestMain(m *testing.M) {
	if d := os.Getenv(starterEnv); d != "" {
		dialect, url, _ := strings.Cut(d, " ")
		applied, err := start(context.Background(), target{dialect, url}, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("applied", len(applied))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func start(ctx context.Context, d target, dir fs.FS) ([]string, error) {
	db, err := sql.Open(d.dialect, d.url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return migrate.Up(ctx, db, d.dialect, options(dir))
}

const starters = 8

func TestOfManyStartersOneMigratesAndTheOthersWait(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		dir := directory(t, boats, crews, piers)
		applied := make([]int, starters)
		var g errgroup.Group
		for i := range starters {
			g.Go(func() error {
				names, err := start(t.Context(), d, dir)
				applied[i] = len(names)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		onlyOne(t, applied, 3)
	})
}

func TestStartersThatWaitDoNotBlockAnIndexBuiltConcurrently(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.Postgres)
	dir := directory(t, boats, sqlFile{crews.name, outside + "CREATE INDEX CONCURRENTLY a ON boats (id);\nCREATE INDEX CONCURRENTLY b ON boats (id);\n"})
	applied := make([]int, starters)
	var g errgroup.Group
	for i := range starters {
		g.Go(func() error {
			names, err := start(t.Context(), d, dir)
			applied[i] = len(names)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	onlyOne(t, applied, 2)
}

func TestSeparateProcessesMayStartAtOnce(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	onBoth(t, func(t *testing.T, d target) {
		applied := make([]int, 4)
		var g errgroup.Group
		for i := range applied {
			g.Go(func() error {
				c := osexec.CommandContext(t.Context(), self)
				c.Env = append(os.Environ(), starterEnv+"="+d.dialect+" "+d.url)
				out, err := c.CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				_, err = fmt.Sscanf(string(out), "applied %d", &applied[i])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		onlyOne(t, applied, slices.Max(applied))
		if err := migrate.Check(t.Context(), d.open(t), d.dialect, migrate.Options{}); err != nil {
			t.Error(err)
		}
	})
}

// onlyOne requires one starter to have applied all and the others nothing.
func onlyOne(t *testing.T, applied []int, all int) {
	t.Helper()
	slices.Sort(applied)
	want := make([]int, len(applied))
	want[len(want)-1] = all
	if all == 0 || !slices.Equal(applied, want) {
		t.Errorf("the starters applied %v files, want %v", applied, want)
	}
}
