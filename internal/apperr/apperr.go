// Package apperr is the one way in which the system refuses: an Error carries a
// code of the table in codes.go, the input field at fault and the words for the
// reader. Whatever is not an *Error (or Errors) never reaches a client; it is
// logged and becomes INTERNAL.
package apperr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Code is what clients branch on. Every code stands in the table of codes.go.
type Code string

// Lang is the language of a message.
type Lang string

// The languages spoken. Turkish is the default.
const (
	Turkish Lang = "tr"
	English Lang = "en"
)

// Text is one message in both languages. {name} stands for a parameter.
type Text struct{ TR, EN string }

// In returns the message in the language, its parameters filled in.
func (t Text) In(lang Lang, params map[string]any) string {
	words := t.TR
	if lang == English {
		words = t.EN
	}
	for name, v := range params {
		words = strings.ReplaceAll(words, "{"+name+"}", fmt.Sprint(v))
	}
	return words
}

// Error is a refusal that its receiver may see.
type Error struct {
	Code       Code
	Field      []string       // path in the input, outermost first; empty: the whole
	Text       Text           // replaces the text of the code where it says more
	Params     map[string]any // fill the text, and travel as extensions where a client can use them
	RetryAfter time.Duration  // when to try again; zero: not said
	cause      error
}

// New makes an error of the code. Params come as name, value pairs.
func New(code Code, params ...any) *Error {
	return &Error{Code: code, Params: pairs(params)}
}

// Invalid refuses one input field with the reason.
func Invalid(field string, reason Text, params ...any) *Error {
	return &Error{Code: Validation, Field: []string{field}, Text: reason, Params: pairs(params)}
}

func pairs(kv []any) map[string]any {
	if len(kv) == 0 {
		return nil
	}
	m := make(map[string]any, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		m[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return m
}

// At returns a copy that points at the input field.
func (e *Error) At(path ...string) *Error {
	c := *e
	c.Field = append(append([]string{}, path...), e.Field...)
	return &c
}

// Saying returns a copy with a text that says more than that of the code.
func (e *Error) Saying(text Text) *Error {
	c := *e
	c.Text = text
	return &c
}

// Because returns a copy that remembers its cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Message is the text for the reader.
func (e *Error) Message(lang Lang) string {
	t := e.Text
	if t == (Text{}) {
		t = e.Code.entry().Text
	}
	return t.In(lang, e.Params)
}

func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message(English)
	if len(e.Field) > 0 {
		s += " (" + strings.Join(e.Field, ".") + ")"
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.cause }

// Is holds for errors of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errors are several refusals of one input, told at once.
type Errors []*Error

func (es Errors) Error() string {
	words := make([]string, len(es))
	for i, e := range es {
		words[i] = e.Error()
	}
	return strings.Join(words, "; ")
}

// Is holds when one of them has the target's code.
func (es Errors) Is(target error) bool {
	for _, e := range es {
		if e.Is(target) {
			return true
		}
	}
	return false
}

// OrNil is nil when there is nothing to refuse.
func (es Errors) OrNil() error {
	if len(es) == 0 {
		return nil
	}
	return es
}

// Add appends the refusal if there is one.
func (es *Errors) Add(e *Error) {
	if e != nil {
		*es = append(*es, e)
	}
}

// All returns the refusals that err holds, and whether it holds nothing else.
func All(err error) (Errors, bool) {
	if many, ok := errors.AsType[Errors](err); ok {
		return many, true
	}
	if one, ok := errors.AsType[*Error](err); ok {
		return Errors{one}, true
	}
	return nil, false
}

// Moved returns err with the faults below one path of the input told below another: what
// was priced as items.0 may be called item in the input that it came from. Faults that
// point elsewhere stay as they are, and so does an error that is no refusal.
func Moved(err error, from []string, to ...string) error {
	faults, ok := All(err)
	if !ok {
		return err
	}
	moved := slices.Clone(faults)
	for i, e := range faults {
		if n := len(from); len(e.Field) >= n && slices.Equal(e.Field[:n], from) {
			c := *e
			c.Field = slices.Concat(to, e.Field[n:])
			moved[i] = &c
		}
	}
	return moved
}

// Is tells whether err holds a refusal with the code.
func Is(err error, code Code) bool { return errors.Is(err, &Error{Code: code}) }

type langKey struct{}

// WithLang notes the reader's language.
func WithLang(ctx context.Context, lang Lang) context.Context {
	return context.WithValue(ctx, langKey{}, lang)
}

// LangFrom is the reader's language; Turkish unless said otherwise.
func LangFrom(ctx context.Context) Lang {
	if lang, ok := ctx.Value(langKey{}).(Lang); ok {
		return lang
	}
	return Turkish
}
