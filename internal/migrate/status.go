package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ariga.io/atlas/sql/migrate"
)

// State is how a migration stands between the program and the database.
type State string

// The states of a migration.
const (
	Applied    State = "applied"
	Baselined  State = "baseline"     // counted as applied by Baseline
	Pending    State = "pending"      // waits to be applied
	Partial    State = "partial"      // failed outside of a transaction; Up resumes it
	Edited     State = "edited"       // applied, and changed since
	OutOfOrder State = "out of order" // not applied, although a newer one is
	Unknown    State = "unknown"      // applied, but not among the program's files
)

// FileStatus is one line of Status.
type FileStatus struct {
	Version   string
	Name      string // of the file; for an unknown one, as the database describes it
	State     State
	AppliedAt time.Time // zero unless applied
	Done      int       // statements applied of a partial file
	Total     int       // statements of a partial file
	Error     string    // why a partial file stopped
}

// compare lays the directory and the history side by side, by version. A file's
// recorded hash covers the files before it, so only the first one that differs
// can be called edited; what follows cannot be judged and counts as applied.
func compare(dir *directory, revs []*revision) []FileStatus {
	applied := map[string]*revision{}
	for _, r := range revs {
		applied[r.Version] = r
	}
	files := map[string]file{}
	for _, f := range dir.files {
		files[f.Version()] = f
	}
	fits := true
	var list []FileStatus
	for _, version := range versions(files, applied) {
		s := FileStatus{Version: version}
		f, inDir := files[version]
		r, inDB := applied[version]
		if inDir {
			s.Name = f.Name()
		}
		switch {
		case !inDB:
			s.State = stateOfNew(version, revs)
		case !inDir:
			s.State, s.Name, s.AppliedAt = Unknown, r.Version+"_"+r.Description, r.ExecutedAt
		default:
			s = statusOfApplied(s, r, fits && r.Hash != "" && r.Hash != f.sum)
		}
		fits = fits && (s.State == Applied || s.State == Baselined)
		list = append(list, s)
	}
	return list
}

func versions(files map[string]file, applied map[string]*revision) []string {
	var all []string
	for v := range files {
		all = append(all, v)
	}
	for v := range applied {
		if _, ok := files[v]; !ok {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return all
}

// stateOfNew judges a file that the history does not name.
func stateOfNew(version string, revs []*revision) State {
	switch {
	case len(revs) == 0 || version > revs[len(revs)-1].Version:
		return Pending
	case version < revs[0].Version && revs[0].Type.Has(migrate.RevisionTypeBaseline):
		return Baselined
	}
	return OutOfOrder
}

func statusOfApplied(s FileStatus, r *revision, differs bool) FileStatus {
	s.AppliedAt = r.ExecutedAt
	switch {
	case r.Applied < r.Total:
		s.State, s.Done, s.Total, s.Error = Partial, r.Applied, r.Total, r.Error
	case differs:
		s.State = Edited
	case r.Type.Has(migrate.RevisionTypeBaseline):
		s.State = Baselined
	default:
		s.State = Applied
	}
	return s
}

// refusal is the error that keeps Up from touching the database, if any.
func refusal(list []FileStatus) error {
	var errs []error
	if names := in(list, Unknown); len(names) > 0 {
		errs = append(errs, fmt.Errorf("%w: it has applied %s. Start the program version that brought this, or restore the backup made before it ran", ErrUnknown, someOf(names)))
	}
	if names := in(list, Edited); len(names) > 0 {
		errs = append(errs, fmt.Errorf("%w: %s. Restore the file as it was when applied and put the change into a new migration", ErrEdited, someOf(names)))
	}
	if names := in(list, OutOfOrder); len(names) > 0 {
		errs = append(errs, fmt.Errorf("%w: %s. Give it a version newer than the last one applied and hash the directory again", ErrOutOfOrder, someOf(names)))
	}
	return errors.Join(errs...)
}

// waiting is the error that says what Up would apply, if anything.
func waiting(list []FileStatus) error {
	names := in(list, Pending, Partial)
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s. Run aliaport migrate up, or start the server with --migrate", ErrPending, someOf(names))
}

func in(list []FileStatus, states ...State) []string {
	var names []string
	for _, s := range list {
		if slices.Contains(states, s.State) {
			names = append(names, s.Name)
		}
	}
	return names
}

// someOf joins names for a message, the first few of many.
func someOf(names []string) string {
	const enough = 5
	if len(names) > enough {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
	}
	return strings.Join(names, ", ")
}
