package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/canonical"
)

// Columns are the columns of an event in the order of its canonical form.
var Columns = []string{
	auditevent.FieldID, auditevent.FieldCreatedAt, auditevent.FieldUserID, auditevent.FieldRoles, auditevent.FieldMethod, auditevent.FieldPath,
	auditevent.FieldAction, auditevent.FieldResource, auditevent.FieldEntityID, auditevent.FieldOutcome, auditevent.FieldStatusCode,
	auditevent.FieldDurationMs, auditevent.FieldRequestID, auditevent.FieldIP, auditevent.FieldUserAgent, auditevent.FieldChanges, auditevent.FieldExtra,
}

// stamp is how the canonical form writes a time: in UTC, to the microsecond.
const stamp = "2006-01-02T15:04:05.000000Z"

// AppendLine appends the canonical form of an event, without a line break: a JSON
// object with the keys in the order of Columns and without spaces. The keys of
// changes and extra are sorted, and their numbers written without an exponent, so
// that an event has the same form whichever database it comes from.
func AppendLine(b []byte, e *ent.AuditEvent) ([]byte, error) {
	text := func(name, value string) {
		b = append(b, `,"`+name+`":`...)
		b = canonical.AppendText(b, value)
	}
	optional := func(name string, value *string) {
		if value == nil {
			b = append(b, `,"`+name+`":null`...)
			return
		}
		text(name, *value)
	}
	number := func(name string, value int64) {
		b = strconv.AppendInt(append(b, `,"`+name+`":`...), value, 10)
	}
	b = strconv.AppendInt(append(b, `{"id":`...), e.ID, 10)
	b = append(e.CreatedAt.UTC().AppendFormat(append(b, `,"created_at":"`...), stamp), '"')
	if e.UserID == nil {
		b = append(b, `,"user_id":null`...)
	} else {
		number("user_id", *e.UserID)
	}
	text("roles", e.Roles)
	text("method", e.Method)
	text("path", e.Path)
	text("action", e.Action)
	text("resource", e.Resource)
	optional("entity_id", e.EntityID)
	text("outcome", string(e.Outcome))
	number("status_code", int64(e.StatusCode))
	number("duration_ms", int64(e.DurationMs))
	text("request_id", e.RequestID)
	optional("ip", e.IP)
	optional("user_agent", e.UserAgent)
	for _, doc := range []struct {
		name string
		raw  json.RawMessage
	}{{"changes", e.Changes}, {"extra", e.Extra}} {
		b = append(b, `,"`+doc.name+`":`...)
		var err error
		if b, err = appendJSON(b, doc.raw); err != nil {
			return nil, fmt.Errorf("%s of event %d: %w", doc.name, e.ID, err)
		}
	}
	return append(b, '}'), nil
}

// line is what a canonical line is read into.
type line struct {
	ID         int64           `json:"id"`
	CreatedAt  time.Time       `json:"created_at"`
	UserID     *int64          `json:"user_id"`
	Roles      string          `json:"roles"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Action     string          `json:"action"`
	Resource   string          `json:"resource"`
	EntityID   *string         `json:"entity_id"`
	Outcome    string          `json:"outcome"`
	StatusCode int             `json:"status_code"`
	DurationMs int             `json:"duration_ms"`
	RequestID  string          `json:"request_id"`
	IP         *string         `json:"ip"`
	UserAgent  *string         `json:"user_agent"`
	Changes    json.RawMessage `json:"changes"`
	Extra      json.RawMessage `json:"extra"`
}

// ErrNotCanonical means that a line is not as AppendLine writes it.
var ErrNotCanonical = errors.New("not an event in canonical form")

// ParseLine reads what AppendLine wrote and accepts nothing else.
func ParseLine(text []byte) (*ent.AuditEvent, error) {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	outcome := auditevent.Outcome(l.Outcome)
	if err := auditevent.OutcomeValidator(outcome); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	e := &ent.AuditEvent{
		ID: l.ID, CreatedAt: l.CreatedAt, UserID: l.UserID, Roles: l.Roles, Method: l.Method, Path: l.Path, Action: l.Action,
		Resource: l.Resource, EntityID: l.EntityID, Outcome: outcome, StatusCode: l.StatusCode, DurationMs: l.DurationMs,
		RequestID: l.RequestID, IP: l.IP, UserAgent: l.UserAgent, Changes: orNone(l.Changes), Extra: orNone(l.Extra),
	}
	again, err := AppendLine(make([]byte, 0, len(text)), e)
	if err != nil || !bytes.Equal(again, text) {
		return nil, ErrNotCanonical
	}
	return e, nil
}

func orNone(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// Values are those of an event in the order of Columns, for a bulk load.
func Values(e *ent.AuditEvent) []any {
	return []any{
		e.ID, e.CreatedAt, e.UserID, e.Roles, e.Method, e.Path, e.Action, e.Resource, e.EntityID, string(e.Outcome), e.StatusCode,
		e.DurationMs, e.RequestID, e.IP, e.UserAgent, e.Changes, e.Extra,
	}
}

// appendJSON writes JSON in its canonical form; nothing is null.
func appendJSON(b []byte, raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 {
		return append(b, "null"...), nil
	}
	return canonical.AppendJSON(b, raw)
}
