package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"sync"

	"ariga.io/atlas/sql/migrate"
	aschema "ariga.io/atlas/sql/schema"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	entmigrate "aliaport/ent/migrate"
)

// ErrNoChange means that the directory already makes the schema of ent.
var ErrNoChange = errors.New("the migrations already make the schema of ent")

// Draft is a migration file that is not written yet.
type Draft struct {
	Version string // UTC, yyyymmddhhmmss
	Name    string // what it does: lower case letters, digits and _
	SQL     []byte
}

// File is the name of the file that Write makes.
func (d Draft) File() string { return d.Version + "_" + d.Name + ".sql" }

// Write adds the draft to the directory at path and to its atlas.sum.
func (d Draft) Write(path string) error {
	dir, err := migrate.NewLocalDir(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if err := dir.WriteFile(d.File(), d.SQL); err != nil {
		return fmt.Errorf("write %s: %w", d.File(), err)
	}
	return Hash(path)
}

// Diff writes the file that Plan drafts and returns its name.
func Diff(ctx context.Context, dialect, dir, name, devURL string) (string, error) {
	d, err := Plan(ctx, dialect, dir, name, devURL)
	if err != nil {
		return "", err
	}
	return d.File(), d.Write(dir)
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_]*$`)

// Plan replays the directory at path dir on a throw-away database and drafts the
// file that leads from there to the schema of ent, or returns ErrNoChange. For
// PostgreSQL devURL names a server on which it may create and drop a database;
// for SQLite it is ignored.
//
// Read the draft before it is committed. A renamed column comes out as a new one
// and a dropped one, and a table that left ent is not dropped: write both by hand.
func Plan(ctx context.Context, dialect, dir, name, devURL string) (Draft, error) {
	if !nameRule.MatchString(name) {
		return Draft{}, fmt.Errorf("plan migration: the name %q may have only lower case letters, digits and _", name)
	}
	d, err := openDir(os.DirFS(dir))
	if err != nil {
		return Draft{}, fmt.Errorf("plan migration in %s: %w", dir, err)
	}
	dev, err := openDev(ctx, dialect, devURL)
	if err != nil {
		return Draft{}, err
	}
	text, err := difference(ctx, dialect, dev, d)
	if err = errors.Join(err, dev.close(ctx)); err != nil {
		return Draft{}, fmt.Errorf("plan %s migration: %w", dialect, err)
	}
	return Draft{Version: nextVersion(d), Name: name, SQL: text}, nil
}

// entTables guards entmigrate.Tables, which ent writes to while it compares.
var entTables sync.Mutex

// difference is the text of the file that the directory lacks.
func difference(ctx context.Context, dialect string, dev *devDB, d *directory) ([]byte, error) {
	entTables.Lock()
	defer entTables.Unlock()
	var file oneFile
	err := entmigrate.NewSchema(entsql.OpenDB(dialect, dev.DB)).NamedDiff(ctx, "draft",
		schema.WithDir(d),
		schema.WithFormatter(&file),
		schema.WithMigrationMode(schema.ModeReplay),
		schema.WithErrNoPlan(true),
		schema.WithDropColumn(true), schema.WithDropIndex(true), // else removals are passed over
		schema.WithDiffOptions(aschema.DiffNormalized()), // else a check changed under its name is passed over
		schema.WithDiffHook(hooks(dialect)...),
		schema.WithIndent("  "),
	)
	if errors.Is(err, migrate.ErrNoPlan) {
		return nil, ErrNoChange
	}
	return file.text, err
}

// oneFile formats plans as Atlas does by default and keeps the text; ent's own
// default is another tool's pair of files.
type oneFile struct{ text []byte }

func (o *oneFile) Format(plan *migrate.Plan) ([]migrate.File, error) {
	f, err := migrate.DefaultFormatter.FormatFile(plan)
	if err != nil {
		return nil, fmt.Errorf("format plan: %w", err)
	}
	o.text = f.Bytes()
	return []migrate.File{f}, nil
}

// nextVersion is the time, or one more than the newest version where a clock
// that was ahead gave that one.
func nextVersion(d *directory) string {
	now := migrate.NewVersion()
	if len(d.files) == 0 {
		return now
	}
	last := d.files[len(d.files)-1].Version()
	n, ok := new(big.Int).SetString(last, 10)
	if now > last || !ok {
		return now
	}
	return n.Add(n, big.NewInt(1)).String()
}
