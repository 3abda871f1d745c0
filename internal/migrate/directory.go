package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"ariga.io/atlas/sql/migrate"
)

// directory is a migration directory in memory, proven to fit its atlas.sum.
type directory struct {
	*migrate.MemDir
	files []file
}

// file is one migration. Its sum covers all files before it too, as Atlas has it.
type file struct {
	migrate.File
	sum string
}

// withoutTransaction reports whether the file asks to run outside of any transaction.
func (f file) withoutTransaction() bool {
	return slices.Contains(directives(f.File, "txmode"), "none")
}

func directives(f migrate.File, name string) []string {
	d, ok := f.(interface{ Directive(string) []string })
	if !ok {
		return nil
	}
	return d.Directive(name)
}

// openDir reads the files of fsys and holds them against atlas.sum.
func openDir(fsys fs.FS) (*directory, error) {
	mem, err := readDir(fsys)
	if err != nil {
		return nil, err
	}
	if err := migrate.Validate(mem); err != nil {
		return nil, tampered(err)
	}
	d := &directory{MemDir: mem}
	list, err := mem.Files()
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	sums, err := mem.Checksum()
	if err != nil {
		return nil, fmt.Errorf("sum migrations: %w", err)
	}
	for i, f := range list {
		if i > 0 && list[i-1].Version() == f.Version() {
			return nil, fmt.Errorf("%s and %s have the same version: rename one and hash the directory again", list[i-1].Name(), f.Name())
		}
		sum, err := sums.SumByName(f.Name())
		if err != nil {
			return nil, fmt.Errorf("sum %s: %w", f.Name(), err)
		}
		d.files = append(d.files, file{File: f, sum: sum})
	}
	return d, nil
}

func readDir(fsys fs.FS) (*migrate.MemDir, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	mem := &migrate.MemDir{}
	for _, e := range entries {
		if e.IsDir() || (path.Ext(e.Name()) != ".sql" && e.Name() != migrate.HashFileName) {
			continue
		}
		text, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", e.Name(), err)
		}
		if err := mem.WriteFile(e.Name(), text); err != nil {
			return nil, fmt.Errorf("keep %s: %w", e.Name(), err)
		}
	}
	return mem, nil
}

// tampered names the file that does not fit atlas.sum and the two ways out.
func tampered(err error) error {
	what := err.Error()
	if sum, ok := errors.AsType[*migrate.ChecksumError](err); ok {
		what = fmt.Sprintf("%s was %s", sum.File, sum.Reason)
	}
	return fmt.Errorf("%w: %s. Restore the file as it was, or, if no database has applied it yet, hash the directory again", ErrTampered, what)
}

func (d *directory) byVersion(version string) (file, bool) {
	for _, f := range d.files {
		if f.Version() == version {
			return f, true
		}
	}
	return file{}, false
}

// Hash writes atlas.sum of the directory at path anew. It is for files edited by
// hand before anybody applied them: a database that did will refuse them.
func Hash(path string) error {
	dir, err := migrate.NewLocalDir(path)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	sums, err := dir.Checksum()
	if err != nil {
		return fmt.Errorf("sum %s: %w", path, err)
	}
	if err := migrate.WriteSumFile(dir, sums); err != nil {
		return fmt.Errorf("write atlas.sum of %s: %w", path, err)
	}
	return nil
}
