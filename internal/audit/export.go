package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	stdsql "database/sql"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

// What is done with the trail itself.
const (
	Export  Action = "export"
	Archive Action = "archive"

	Events  Resource = "audit_event"
	Segment Resource = "audit_archive"
)

// Format is how an export is written.
type Format string

// Formats.
const (
	CSV   Format = "csv"   // for spreadsheets, with a byte order mark
	JSONL Format = "jsonl" // an event a line, in canonical form
)

// Wanted says what to export.
type Wanted struct {
	Format    Format
	Filter    Filter
	Semicolon bool // between the cells of CSV, as spreadsheets of Turkish computers want it
}

// Manifest tells what an export holds.
type Manifest struct {
	ID         string          `json:"id"` // of the request, as in the trail
	Format     Format          `json:"format"`
	Filter     json.RawMessage `json:"filter"`
	Columns    []string        `json:"columns"`
	Rows       int64           `json:"rows"`
	FirstID    *int64          `json:"firstId"`
	LastID     *int64          `json:"lastId"`
	FirstAt    *time.Time      `json:"firstAt"`
	LastAt     *time.Time      `json:"lastAt"`
	Bytes      int64           `json:"bytes"`
	SHA256     string          `json:"sha256"` // of all bytes
	ExportedAt time.Time       `json:"exportedAt"`
	ExportedBy *int64          `json:"exportedBy"` // user id; null for the system
}

// Exporter writes parts of the trail out.
type Exporter struct {
	Trail *Trail
	Now   func() time.Time
	slots chan struct{}
}

// NewExporter lets so many exports run at once: each keeps a connection and one
// moment of the database.
func NewExporter(trail *Trail, now func() time.Time, atOnce int) *Exporter {
	return &Exporter{Trail: trail, Now: now, slots: make(chan struct{}, max(1, atOnce))}
}

// busyFor is when to come again if all slots are taken.
const busyFor = 15 * time.Second

// Export writes the events that the filter finds, oldest first and all of one moment,
// in memory that does not grow with them. The trail notes it before the first byte,
// and once more when it has ended, with the manifest or as failed. Nothing is written
// when the export is refused.
func (x *Exporter) Export(ctx context.Context, want Wanted, w io.Writer) (*Manifest, error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	if want.Format != CSV && want.Format != JSONL {
		return nil, apperr.New(apperr.BadUserInput, "reason", "format: csv, jsonl")
	}
	where, err := x.Trail.shaped(ctx, want.Filter)
	if err != nil {
		return nil, err
	}
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	default:
		busy := apperr.New(apperr.RateLimited)
		busy.RetryAfter = busyFor
		return nil, busy
	}
	m := &Manifest{ID: actor.RequestFrom(ctx).ID, Format: want.Format, Columns: Columns, ExportedAt: x.Now().UTC().Truncate(time.Microsecond)}
	if m.ID == "" {
		m.ID = rand.Text()
	}
	if who := actor.From(ctx); who.ID != 0 {
		m.ExportedBy = &who.ID
	}
	if m.Filter, err = filterText(want.Filter); err != nil {
		return nil, fmt.Errorf("write the filter of an export: %w", err)
	}
	if err := x.note(ctx, Event{Extra: map[string]any{"step": "begun", "export": m.ID, "format": m.Format, "filter": m.Filter}}); err != nil {
		return nil, err
	}
	err = x.stream(ctx, want, where, w, m)
	ended := Event{Extra: map[string]any{"step": "ended", "export": m.ID, "manifest": m}}
	if err != nil {
		ended = Event{Outcome: Failed, Code: apperr.Internal, Extra: map[string]any{"step": "failed", "export": m.ID, "rows": m.Rows}}
	}
	after, cancel := store.Afterwards(ctx)
	defer cancel()
	if noted := x.note(after, ended); err == nil {
		err = noted
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (x *Exporter) note(ctx context.Context, e Event) error {
	e.Action, e.Resource = Export, Events
	return x.Trail.DB.InTx(ctx, func(tx *ent.Tx) error { return Record(ctx, tx, x.Now(), e) })
}

// stream writes the rows and completes the manifest.
func (x *Exporter) stream(ctx context.Context, want Wanted, where shaped, w io.Writer, m *Manifest) error {
	tx, err := x.Trail.DB.BeginTx(ctx, &stdsql.TxOptions{ReadOnly: true, Isolation: stdsql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("begin an export: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	sum := sha256.New()
	counted := &counting{w: io.MultiWriter(sum, w)}
	out := bufio.NewWriterSize(counted, 64<<10)
	rows := newRows(want, out)
	if err := rows.begin(); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	err = batches(ctx, tx.AuditEvent, where, func(events []*ent.AuditEvent) error {
		for _, e := range events {
			if err := rows.add(e); err != nil {
				return fmt.Errorf("write an export: %w", err)
			}
			if m.Rows == 0 {
				m.FirstID, m.FirstAt = &e.ID, &e.CreatedAt
			}
			m.Rows, m.LastID, m.LastAt = m.Rows+1, &e.ID, &e.CreatedAt
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := rows.end(); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write an export: %w", err)
	}
	m.Bytes, m.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return nil
}

// shaped narrows a query that is put into order and bounded by shape.
type shaped func(shape func(*sql.Selector)) func(*sql.Selector)

// shaped judges a filter as List does. The batches are asked for one after the other:
// behind the first one the beginning of the range bounds nothing any more.
func (s *Trail) shaped(ctx context.Context, f Filter) (shaped, error) {
	q, err := s.plan(ctx, f)
	if err != nil {
		return nil, err
	}
	first := true
	return func(shape func(*sql.Selector)) func(*sql.Selector) {
		within := q.within(first, true)
		first = false
		return within.read(func(s *sql.Selector) {
			if shape(s); q.apart() && s.Dialect() == dialect.Postgres {
				s.ClearOrder().OrderBy(s.C(auditevent.FieldCreatedAt)+" NULLS FIRST", s.C(auditevent.FieldID)+" NULLS FIRST")
			}
		})
	}, nil
}

// counting counts what is written.
type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// rowWriter writes events one after the other.
type rowWriter interface {
	begin() error
	add(e *ent.AuditEvent) error
	end() error
}

func newRows(want Wanted, w *bufio.Writer) rowWriter {
	if want.Format == JSONL {
		return &jsonlRows{w: w}
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	if want.Semicolon {
		c.Comma = ';'
	}
	return &csvRows{bom: w, w: c}
}

type jsonlRows struct {
	w    *bufio.Writer
	line []byte
}

func (*jsonlRows) begin() error { return nil }

func (r *jsonlRows) add(e *ent.AuditEvent) (err error) {
	if r.line, err = AppendLine(r.line[:0], e); err != nil {
		return err
	}
	_, err = r.w.Write(append(r.line, '\n'))
	return err
}

func (*jsonlRows) end() error { return nil }

type csvRows struct {
	bom  *bufio.Writer
	w    *csv.Writer
	json []byte
}

// byteOrderMark tells spreadsheets that the file is UTF-8.
const byteOrderMark = "\ufeff"

func (r *csvRows) begin() error {
	if _, err := r.bom.WriteString(byteOrderMark); err != nil {
		return err
	}
	return r.w.Write(Columns)
}

func (r *csvRows) add(e *ent.AuditEvent) error {
	optional := func(text *string) string {
		if text == nil {
			return ""
		}
		return Cell(*text)
	}
	document := func(raw json.RawMessage) (string, error) {
		if len(raw) == 0 {
			return "", nil
		}
		var err error
		if r.json, err = appendJSON(r.json[:0], raw); err != nil || bytes.Equal(r.json, []byte("null")) {
			return "", err
		}
		return Cell(string(r.json)), nil
	}
	changes, err := document(e.Changes)
	if err != nil {
		return err
	}
	extra, err := document(e.Extra)
	if err != nil {
		return err
	}
	user := ""
	if e.UserID != nil {
		user = strconv.FormatInt(*e.UserID, 10)
	}
	return r.w.Write([]string{
		strconv.FormatInt(e.ID, 10), e.CreatedAt.UTC().Format(stamp), user, Cell(e.Roles), Cell(e.Method), Cell(e.Path), Cell(e.Action),
		Cell(e.Resource), optional(e.EntityID), string(e.Outcome), strconv.Itoa(e.StatusCode), strconv.Itoa(e.DurationMs), Cell(e.RequestID),
		optional(e.IP), optional(e.UserAgent), changes, extra,
	})
}

func (r *csvRows) end() error {
	r.w.Flush()
	return r.w.Error()
}

// formulas are the letters by which a spreadsheet takes a cell for a formula, those
// of full width among them.
const formulas = "=+-@\t\r\n＝＋－＠"

// Cell makes a text safe to be opened in a spreadsheet: what would be a formula
// begins with an apostrophe, which shows that it is text.
func Cell(text string) string {
	if text != "" && strings.ContainsRune(formulas, []rune(text[:min(len(text), 4)])[0]) {
		return "'" + text
	}
	return text
}

// ParseFilter reads a filter from JSON in the form that the API takes. Unknown names
// are refused.
func ParseFilter(text string) (f Filter, err error) {
	if text == "" {
		return f, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&f)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) || !f.takenByAPI() {
		return Filter{}, apperr.New(apperr.BadUserInput, "reason", "filter").Because(err)
	}
	return f, nil
}

// takenByAPI holds for a filter that the types of the API let through.
func (f *Filter) takenByAPI() bool {
	texts := slices.Clone(f.Actions)
	for _, text := range []*string{f.Resource, f.Path, f.PathPrefix, f.RequestID, f.IP} {
		if text != nil {
			texts = append(texts, *text)
		}
	}
	return !slices.ContainsFunc(texts, func(text string) bool { return strings.ContainsRune(text, 0) }) && !slices.Contains(f.Users, nil) &&
		!slices.ContainsFunc(f.Outcomes, func(o auditevent.Outcome) bool { return auditevent.OutcomeValidator(o) != nil })
}

// filterText is what a filter asks for, in the form that ParseFilter reads.
func filterText(f Filter) (json.RawMessage, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	return json.Marshal(asked(v))
}

// asked drops what is absent and names the rest as the API does.
func asked(fields map[string]any) map[string]any {
	kept := map[string]any{}
	for name, v := range fields {
		if name == "IP" {
			name = "ip"
		}
		if id, ok := strings.CutSuffix(name, "ID"); ok {
			name = id + "Id"
		}
		name = strings.ToLower(name[:1]) + name[1:]
		switch v := v.(type) {
		case nil:
		case map[string]any:
			kept[name] = asked(v)
		default:
			kept[name] = v
		}
	}
	return kept
}
