package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/page"
)

// Report is what a verification found.
type Report struct {
	Segments int
	Rows     int64
	Head     string // the last seal; whoever keeps it elsewhere notices a chain that was cut off
	Faults   []Fault
}

// Fault is what is wrong with a file.
type Fault struct {
	File string // empty: the chain as a whole
	What string
}

// Verify reads every file whole and follows the chain of seals. What it finds is
// noted with each segment, for doctor. expected is a seal that must be in the chain,
// as one that was noted elsewhere; empty for none.
func (s *Service) Verify(ctx context.Context, expected string) (*Report, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	// The files first: one that a run names meanwhile is then among the segments.
	files, err := filepath.Glob(filepath.Join(s.Dir, fmt.Sprintf(fileForm, "*", "")))
	if err != nil {
		return nil, fmt.Errorf("look for files: %w", err)
	}
	all, err := s.DB.AuditArchive.Query().Order(auditarchive.ByPosition()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the seals: %w", err)
	}
	r := &Report{Segments: len(all)}
	known := map[string]bool{}
	for i, a := range all {
		r.Rows += a.Rows
		r.Head = a.Seal
		known[a.FileName] = true
		what := chained(all, i)
		if what == "" {
			what, err = s.whole(ctx, a)
			if err != nil {
				return nil, err
			}
		}
		if what != "" {
			r.Faults = append(r.Faults, Fault{a.FileName, what})
		}
		if err := s.note(ctx, a, what); err != nil {
			return nil, err
		}
		if a.Seal == expected {
			expected = ""
		}
	}
	if expected != "" {
		r.Faults = append(r.Faults, Fault{"", "no segment has the seal " + expected + ": the chain was cut off or made anew"})
	}
	for _, path := range files {
		if name := filepath.Base(path); !known[name] {
			r.Faults = append(r.Faults, Fault{name, "is not sealed in this database"})
		}
	}
	return r, nil
}

// chained tells what is wrong with the place of a segment in the chain.
func chained(all []*ent.AuditArchive, i int) string {
	a, previous := all[i], ""
	if i > 0 {
		previous = all[i-1].Seal
	}
	switch {
	case a.Position != i+1:
		return fmt.Sprintf("segment %d is missing before it", i+1)
	case a.PreviousSeal != previous:
		return "the seal before it is not the one that it was chained to"
	case a.Seal != sealOf(a):
		return ErrAltered.Error()
	}
	return ""
}

// whole tells what is wrong with a file and with the seal beside it.
func (s *Service) whole(ctx context.Context, a *ent.AuditArchive) (what string, err error) {
	err = s.matches(ctx, s.path(a), a)
	unfinished := a.RemovedAt == nil && errors.Is(err, ErrMissing)
	if unfinished { // a run was interrupted: the next one gives it its name
		err = s.matches(ctx, s.path(a)+temporary, a)
	}
	switch {
	case errors.Is(err, ErrMissing) || errors.Is(err, ErrDamaged) || errors.Is(err, os.ErrPermission):
		return err.Error(), nil
	case err != nil:
		return "", err
	case unfinished:
		return "", nil
	}
	beside, err := os.ReadFile(s.path(a) + sealEnding)
	switch {
	case errors.Is(err, os.ErrNotExist) && a.RemovedAt == nil:
		return "", nil
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission):
		return "the seal beside it cannot be read", nil
	case err != nil:
		return "", fmt.Errorf("read the seal beside it: %w", err)
	case string(beside) != string(sealText(a)):
		return "the seal beside it differs from the one in the database", nil
	}
	return "", nil
}

// maxFault is how much the column takes.
const maxFault = 300

func (s *Service) note(ctx context.Context, a *ent.AuditArchive, what string) error {
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		u := tx.AuditArchive.UpdateOneID(a.ID).SetVerifiedAt(s.Now())
		if what == "" {
			u.ClearFault()
		} else {
			u.SetFault(audit.Clip(what, maxFault))
		}
		if err := u.Exec(ctx); err != nil {
			return fmt.Errorf("note what was found of %s: %w", a.FileName, err)
		}
		return nil
	})
}

// List returns one page of the segments, the last sealed first.
func (s *Service) List(ctx context.Context, a page.Args) (*page.List[*ent.AuditArchive], error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	hash, err := page.Hash("auditArchives", nil)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "POSITION", Column: auditarchive.FieldPosition, Kind: page.Number, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.AuditArchive.Query().Where(p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the archives: %w", err)
	}
	return page.Read(p, rows, func(a *ent.AuditArchive) (any, int64) { return a.Position, a.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.AuditArchive.Query().Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count the archives: %w", err)
		}
		return n, nil
	}), nil
}
