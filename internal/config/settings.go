package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Setting describes one field of Config.
type Setting struct {
	Field       string // name in Config
	Variable    string // ALIAPORT_LISTEN
	Flag        string // listen; empty: none
	Default     string
	Description string
	Kind        Kind
	Secret      bool // may come from a file, by Variable and Flag with file at the end
}

// Kind is what a value looks like.
type Kind string

// The kinds of settings.
const (
	Text     Kind = "text"
	Number   Kind = "number"
	Duration Kind = "duration"
	Switch   Kind = "bool"
	Level    Kind = "level"
)

func (k Kind) noun() string {
	switch k {
	case Number:
		return "whole number"
	case Duration:
		return "duration"
	case Switch:
		return "switch"
	case Level:
		return "log level"
	case Text:
	}
	return "text"
}

func (k Kind) example() string {
	switch k {
	case Number:
		return "a whole number such as 30"
	case Duration:
		return "a number with a unit, such as 500ms, 30s or 15m"
	case Switch:
		return "true or false"
	case Level:
		return "DEBUG, INFO, WARN or ERROR"
	case Text:
	}
	return "a text"
}

// Settings describes every field of Config, in its order.
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	all := make([]Setting, t.NumField())
	for i := range all {
		f := t.Field(i)
		name := f.Tag.Get("env")
		s := Setting{
			Field: f.Name, Variable: Prefix + name, Flag: strings.ReplaceAll(strings.ToLower(name), "_", "-"),
			Default: f.Tag.Get("envDefault"), Description: f.Tag.Get("desc"),
			Kind: kindOf(f.Type), Secret: f.Type == reflect.TypeFor[Secret](),
		}
		if f.Tag.Get("flag") == "file" {
			s.Flag = ""
		}
		all[i] = s
	}
	return all
}

func kindOf(t reflect.Type) Kind {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return Duration
	case t == reflect.TypeFor[slog.Level]():
		return Level
	case t.Kind() == reflect.Bool:
		return Switch
	case t.Kind() == reflect.String:
		return Text
	}
	return Number
}

func settingOf(field string) Setting {
	for _, s := range Settings() {
		if s.Field == field {
			return s
		}
	}
	return Setting{Variable: Prefix + field}
}

// variable is the name of the variable of a field of Config.
func variable(field string) string { return settingOf(field).Variable }

// AddFlags adds a flag for every setting, or for those of the named fields.
func AddFlags(flags *pflag.FlagSet, fields ...string) {
	for _, s := range Settings() {
		if len(fields) > 0 && !slices.Contains(fields, s.Field) {
			continue
		}
		if s.Flag != "" {
			f := flags.VarPF(&given{kind: s.Kind, text: s.Default}, s.Flag, "", s.Description)
			if s.Kind == Switch {
				f.NoOptDefVal = "true"
			}
		}
		if s.Secret {
			flags.VarPF(&given{kind: "file"}, fileFlag(s), "", "File with the value of "+s.Variable)
		}
	}
}

func fileFlag(s Setting) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.Variable, Prefix)), "_", "-") + "-file"
}

// Given returns the values of the flags that were given, by variable.
func Given(flags *pflag.FlagSet) map[string]string {
	m := map[string]string{}
	for _, s := range Settings() {
		if f := flags.Lookup(s.Flag); f != nil && f.Changed {
			m[s.Variable] = f.Value.String()
		}
		if !s.Secret {
			continue
		}
		if f := flags.Lookup(fileFlag(s)); f != nil && f.Changed {
			m[s.Variable+fileSuffix] = f.Value.String()
		}
	}
	return m
}

// given is the text of a flag. Load judges it together with the variables.
type given struct {
	kind Kind
	text string
}

func (g *given) String() string     { return g.text }
func (g *given) Set(s string) error { g.text = s; return nil }
func (g *given) Type() string       { return string(g.kind) }

// The lines between which README.md has the table.
const (
	tableBegin = "<!-- settings: generated from internal/config by `make generate` -->"
	tableEnd   = "<!-- /settings -->"
)

// Markdown is the table of all settings.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| Variable | Flag | Default | Meaning |\n| --- | --- | --- | --- |\n")
	for _, s := range Settings() {
		flag, def := "`--"+fileFlag(s)+"`", "`"+s.Default+"`"
		if s.Flag != "" {
			flag = "`--" + s.Flag + "`"
		}
		if s.Default == "" {
			def = ""
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Variable, flag, def, strings.ReplaceAll(s.Description, "|", `\|`))
	}
	return b.String()
}

// InsertTable returns the text with the table between its two lines made anew.
func InsertTable(text string) (string, error) {
	before, rest, ok := strings.Cut(text, tableBegin+"\n")
	_, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		return "", fmt.Errorf("want the lines %s and %s", tableBegin, tableEnd)
	}
	return before + tableBegin + "\n" + Markdown() + tableEnd + after, nil
}
