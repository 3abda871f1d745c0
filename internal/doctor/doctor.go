// Package doctor looks at everything a server needs and says what is wrong with
// it and what to do. It changes nothing, so it may run beside a server.
package doctor

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"aliaport/internal/config"
)

// Status is the judgement of one check.
type Status string

// The judgements. A server with a Fail does not start or does not keep what it promises;
// with a Warn it works, but not as it should.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Finding is what one check found.
type Finding struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// Options are what Check cannot find out by itself. Now is required; of the rest
// the zero values are good.
type Options struct {
	Faults          config.Faults // found when the settings were read
	Unknown         []string      // variables that look like settings but are none
	PlaygroundBuilt bool
	Now             func() time.Time
	Migrations      fs.FS         // nil: those built in
	Timeout         time.Duration // of each check; 0: 10 s

	// What is asked for at least.
	Postgres  int     // server_version_num; 0: 140000
	SQLite    int     // sqlite3_libversion_number; 0: 3038000
	FreeBytes uint64  // on the disk of the SQLite file; 0: 500 MB
	FreeShare float64 // of that disk; 0: 0.05
}

// report collects findings.
type report struct {
	cfg      *config.Config
	opts     Options
	findings []Finding
}

// Check runs all checks that the configured database and Redis call for.
func Check(ctx context.Context, cfg *config.Config, o Options) []Finding {
	o.Timeout = orDefault(o.Timeout, 10*time.Second)
	o.Postgres = orDefault(o.Postgres, 140000)
	o.SQLite = orDefault(o.SQLite, 3038000)
	o.FreeBytes = orDefault(o.FreeBytes, 500_000_000)
	o.FreeShare = orDefault(o.FreeShare, 0.05)
	r := &report{cfg: cfg, opts: o}
	r.settings()
	r.playground()
	switch {
	case r.atFault("DATABASE_URL"):
		r.add("database", Fail, "was not looked at: its URL cannot be used", "mend the settings first")
	case cfg.IsSQLite():
		r.within(ctx, r.sqlite)
	default:
		r.within(ctx, r.postgres)
	}
	if cfg.RedisURL != "" && !r.atFault("REDIS_URL") {
		r.within(ctx, r.redis)
	}
	return r.findings
}

// Failed tells whether a finding is a Fail.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == Fail })
}

// WriteText writes the findings for a terminal, each remedy below what it mends.
func WriteText(w io.Writer, findings []Finding) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", f.Status, f.Name, f.Detail)
		if f.Remedy != "" {
			fmt.Fprintf(tw, "\t\t→ %s\n", f.Remedy)
		}
	}
	return tw.Flush()
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (r *report) add(name string, s Status, detail, remedy string) {
	r.findings = append(r.findings, Finding{name, s, detail, remedy})
}

func (r *report) ok(name, format string, args ...any) {
	r.add(name, OK, fmt.Sprintf(format, args...), "")
}

func (r *report) within(ctx context.Context, check func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	check(ctx)
}

func (r *report) atFault(name string) bool {
	return slices.ContainsFunc(r.opts.Faults, func(f config.Fault) bool {
		return f.Name == config.Prefix+name || f.Name == config.Prefix+name+"_FILE"
	})
}

func (r *report) settings() {
	for _, f := range r.opts.Faults {
		r.add("settings", Fail, f.Name+" "+f.Problem, f.Remedy)
	}
	for _, name := range r.opts.Unknown {
		r.add("settings", Warn, name+" is no setting", "correct its name or unset it; aliaport serve --help lists the settings")
	}
	if len(r.opts.Faults)+len(r.opts.Unknown) == 0 {
		r.ok("settings", "%d settings can be used", len(config.Settings()))
	}
}

func (r *report) playground() {
	switch {
	case !r.cfg.PlaygroundEnabled:
		r.ok("playground", "switched off")
	case r.opts.PlaygroundBuilt:
		r.ok("playground", "its files are in this program")
	default:
		r.add("playground", Warn, "its files are not in this program; the API works", "run make playground and build the program again")
	}
}

func (r *report) judgeMigrations(ctx context.Context, db database) {
	list, err := db.migrations(ctx, r.opts.Migrations)
	if err != nil {
		r.add("migrations", Fail, oneLine(err), "build the program from unchanged migrations, or see the database's log")
		return
	}
	found, err := judge(ctx, list, db)
	if err != nil {
		r.add("migrations", Fail, oneLine(err), "see the database's log")
		return
	}
	r.findings = append(r.findings, found...)
	if len(found) == 1 && found[0].Status == OK {
		r.counts(ctx, db)
		r.generations(ctx, db)
		r.archive(ctx, db)
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
