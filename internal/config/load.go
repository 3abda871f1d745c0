package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Fault is a setting that cannot be used.
type Fault struct {
	Name    string // of the variable
	Problem string
	Remedy  string
}

func (f Fault) String() string { return fmt.Sprintf("%s %s: %s", f.Name, f.Problem, f.Remedy) }

// Faults are all that is wrong with the settings.
type Faults []Fault //nolint:errname // reads well as config.Faults

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = "  " + f.String()
	}
	return "settings:\n" + strings.Join(lines, "\n")
}

// OrNil is nil when nothing is wrong.
func (fs Faults) OrNil() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Load reads the settings from environ, in the form of os.Environ, and from
// flags, by the names of their variables, which go first. The settings that are
// not at fault can be used even when there are faults.
func Load(environ []string, flags map[string]string) (*Config, Faults) {
	values := ours(environ)
	for name, v := range flags {
		values[name] = v
		// A flag replaces both forms of a variable.
		if secret, isFile := strings.CutSuffix(name, fileSuffix); isFile {
			delete(values, secret)
		} else {
			delete(values, name+fileSuffix)
		}
	}
	faults := readFiles(values)
	c := &Config{}
	faults = append(faults, parseFaults(env.ParseWithOptions(c, env.Options{Environment: values, Prefix: Prefix}))...)
	unreadable := map[string]bool{}
	for _, f := range faults {
		unreadable[f.Name] = true
	}
	for _, f := range c.check() {
		if !unreadable[f.Name] {
			faults = append(faults, f)
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return strings.Compare(a.Name, b.Name) })
	return c, faults
}

// Unknown are the names in environ that look like settings but are none, such as
// misspelt ones. Kubernetes sets ALIAPORT_PORT and ALIAPORT_SERVICE_… by itself
// where a service is called aliaport; the tests have ALIAPORT_TEST_….
func Unknown(environ []string) []string {
	known := map[string]bool{}
	for _, s := range Settings() {
		known[s.Variable] = true
		if s.Secret {
			known[s.Variable+fileSuffix] = true
		}
	}
	var unknown []string
	for name := range ours(environ) {
		rest := strings.TrimPrefix(name, Prefix)
		if known[name] || rest == "PORT" || strings.HasPrefix(rest, "PORT_") || strings.HasPrefix(rest, "SERVICE_") || strings.HasPrefix(rest, "TEST_") {
			continue
		}
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	return unknown
}

// ours are the variables with our prefix.
func ours(environ []string) map[string]string {
	m := map[string]string{}
	for _, kv := range environ {
		name, v, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, Prefix) {
			m[name] = v
		}
	}
	return m
}

const fileSuffix = "_FILE"

// readFiles puts the content of the files that hold secrets into values.
func readFiles(values map[string]string) Faults {
	var faults Faults
	for _, s := range Settings() {
		path := values[s.Variable+fileSuffix]
		if !s.Secret || path == "" {
			continue
		}
		if values[s.Variable] != "" {
			faults = append(faults, Fault{s.Variable, "is set, and so is " + s.Variable + fileSuffix, "unset one of the two"})
			continue
		}
		text, err := os.ReadFile(path) //nolint:gosec // the operator's choice
		if err != nil {
			faults = append(faults, Fault{s.Variable + fileSuffix, "cannot be read: " + err.Error(), "name a file that this user may read"})
			continue
		}
		values[s.Variable] = strings.TrimRight(string(text), "\r\n")
		if values[s.Variable] == "" {
			faults = append(faults, Fault{s.Variable + fileSuffix, "names an empty file", "write the secret into " + path})
		}
	}
	return faults
}

// parseFaults says in our words what the parser found.
func parseFaults(err error) Faults {
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return Faults{{Prefix + "…", "cannot be read: " + err.Error(), "report this"}}
	}
	var faults Faults
	for _, err := range all.Errors {
		bad, ok := errors.AsType[env.ParseError](err)
		if !ok {
			faults = append(faults, Fault{Prefix + "…", "cannot be read: " + err.Error(), "report this"})
			continue
		}
		s := settingOf(bad.Name)
		faults = append(faults, Fault{s.Variable, "is no " + s.Kind.noun(), "give " + s.Kind.example()})
	}
	return faults
}
