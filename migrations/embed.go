// Package migrations holds the schema of the database as a sequence of files,
// one Atlas directory for each kind of database. The files are drafted from
// ent/schema by `make migration NAME=…`, read and where necessary completed by
// hand, and never edited once a database may have applied them. Package
// internal/migrate applies them.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"

	"entgo.io/ent/dialect"
)

//go:embed sqlite postgres
var files embed.FS

// For returns the directory of a dialect, by the name ent gives it.
func For(name string) (fs.FS, error) {
	switch name {
	case dialect.SQLite:
		return fs.Sub(files, "sqlite")
	case dialect.Postgres:
		return fs.Sub(files, "postgres")
	}
	return nil, fmt.Errorf("no migrations for the database dialect %q", name)
}
