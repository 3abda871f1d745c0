// Package globalid reads and writes the opaque ids by which clients know records:
// base64url of Type:key. Writing is also generated onto every entity.
package globalid

import (
	"encoding/base64"
	"io"
	"strconv"
	"strings"

	"aliaport/internal/apperr"
)

// ID names one record: the type of the API and the key of the table.
type ID struct {
	Type string
	Key  int64
}

// maxLen bounds what is decoded; the longest real id has 45 characters.
const maxLen = 100

// Parse reads an id that a client sent.
func Parse(s string) (ID, error) {
	id, ok := parse(s)
	if !ok {
		return ID{}, apperr.New(apperr.BadUserInput, "reason", "id")
	}
	return id, nil
}

var strict = base64.RawURLEncoding.Strict()

func parse(s string) (id ID, ok bool) {
	// The base64 decoder skips line breaks, which no id of ours has.
	if len(s) > maxLen || strings.ContainsAny(s, "\r\n") {
		return ID{}, false
	}
	b, err := strict.DecodeString(s)
	if err != nil {
		return ID{}, false
	}
	typ, digits, ok := strings.Cut(string(b), ":")
	key, err := strconv.ParseInt(digits, 10, 64)
	if !ok || typ == "" || err != nil || key < 1 || strconv.FormatInt(key, 10) != digits {
		return ID{}, false
	}
	return ID{Type: typ, Key: key}, true
}

// String is the opaque form.
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends the opaque form.
func (id ID) Append(b []byte) []byte {
	var plain [maxLen]byte
	return base64.RawURLEncoding.AppendEncode(b, strconv.AppendInt(append(append(plain[:0], id.Type...), ':'), id.Key, 10))
}

// Of returns the key if the id names a record of the type.
func (id ID) Of(typ string) (int64, error) {
	if id.Type != typ {
		return 0, apperr.New(apperr.BadUserInput, "reason", "id: "+typ)
	}
	return id.Key, nil
}

// MarshalGQL writes the id as a GraphQL ID.
func (id ID) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(id.String())) }

// UnmarshalGQL reads a GraphQL ID.
func (id *ID) UnmarshalGQL(v any) error {
	s, ok := v.(string)
	if !ok {
		return apperr.New(apperr.BadUserInput, "reason", "id")
	}
	parsed, err := Parse(s)
	*id = parsed
	return err
}

// MarshalJSON writes the id as clients know it.
func (id ID) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(id.String())), nil }

// UnmarshalJSON reads an id that a client sent.
func (id *ID) UnmarshalJSON(text []byte) error {
	s, err := strconv.Unquote(string(text))
	if err != nil {
		return apperr.New(apperr.BadUserInput, "reason", "id")
	}
	return id.UnmarshalGQL(s)
}
