package proof

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Sum is a sum of SHA-256, modulo 2^256: the order of what is added does not matter,
// but how often it is does.
type Sum [4]uint64

// Add adds the SHA-256 of a row.
func (s *Sum) Add(line []byte) {
	h := sha256.Sum256(line)
	s.plus(Sum{
		binary.LittleEndian.Uint64(h[0:]), binary.LittleEndian.Uint64(h[8:]),
		binary.LittleEndian.Uint64(h[16:]), binary.LittleEndian.Uint64(h[24:]),
	})
}

func (s *Sum) plus(o Sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], o[i], carry)
	}
}

// MarshalText writes 64 hexadecimal digits.
func (s Sum) MarshalText() ([]byte, error) {
	var raw [32]byte
	for i, v := range s {
		binary.LittleEndian.PutUint64(raw[8*i:], v)
	}
	return hex.AppendEncode(nil, raw[:]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Sum) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != 32 {
		return fmt.Errorf("digest %q: want 64 hexadecimal digits", text)
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return nil
}

// String is what MarshalText writes.
func (s Sum) String() string {
	text, _ := s.MarshalText() // never fails
	return string(text)
}

// Part is what is known of some rows of a table.
type Part struct {
	Rows int64 `json:"rows"`
	Sum  Sum   `json:"digest"`
}

// Digest is what is known of all rows of a table.
type Digest struct {
	Table  string `json:"table"`
	MinKey int64  `json:"minKey"` // of the first column of the key; 0 in an empty table
	MaxKey int64  `json:"maxKey"`
	Part
	// Buckets are the rows whose keys agree but for their last bits, to find
	// differences without comparing all rows.
	Buckets map[int64]Part `json:"-"`
}

// bucketBits is how many last bits of a key a bucket leaves out.
const bucketBits = 12

// NewDigest is the digest of a table before rows are added.
func NewDigest(t *Table) *Digest { return &Digest{Table: t.Name, Buckets: map[int64]Part{}} }

// Add adds a row.
func (d *Digest) Add(key int64, line []byte) {
	var one Part
	one.Rows = 1
	one.Sum.Add(line)
	if d.Rows == 0 || key < d.MinKey {
		d.MinKey = key
	}
	if d.Rows == 0 || key > d.MaxKey {
		d.MaxKey = key
	}
	d.plus(one)
	b := d.Buckets[key>>bucketBits]
	b.plus(one)
	d.Buckets[key>>bucketBits] = b
}

// Same tells whether two tables hold the same rows.
func (d *Digest) Same(o *Digest) bool {
	return d.Part == o.Part && d.MinKey == o.MinKey && d.MaxKey == o.MaxKey
}

// Part reads the rows of a range.
func (s *Snapshot) Part(ctx context.Context, t *Table, r Range) (Part, error) {
	d, err := s.digest(ctx, t, r)
	if err != nil {
		return Part{}, err
	}
	return d.Part, nil
}

func (p *Part) plus(o Part) {
	p.Rows += o.Rows
	p.Sum.plus(o.Sum)
}

// Merge adds the rows of another part of the table.
func (d *Digest) Merge(o *Digest) {
	if o.Rows == 0 {
		return
	}
	if d.Rows == 0 || o.MinKey < d.MinKey {
		d.MinKey = o.MinKey
	}
	if d.Rows == 0 || o.MaxKey > d.MaxKey {
		d.MaxKey = o.MaxKey
	}
	d.plus(o.Part)
	for k, p := range o.Buckets {
		b := d.Buckets[k]
		b.plus(p)
		d.Buckets[k] = b
	}
}

// rangeKeys is how many keys one connection reads at a time.
const rangeKeys = 1 << 18

// Progress hears how many rows of a table have been read. Calls may come at once.
type Progress func(t *Table, rows int64)

// Digests reads all rows of tables, several ranges at a time, and returns a digest
// for each, in the order of tables.
func (s *Snapshot) Digests(ctx context.Context, tables []*Table, progress Progress) ([]*Digest, error) {
	type task struct {
		at int
		r  Range
	}
	var tasks []task
	out := make([]*Digest, len(tables))
	for i, t := range tables {
		out[i] = NewDigest(t)
		ranges, err := s.Ranges(ctx, t, rangeKeys)
		if err != nil {
			return nil, err
		}
		for _, r := range ranges {
			tasks = append(tasks, task{i, r})
		}
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.Connections())
	for _, task := range tasks {
		g.Go(func() error {
			d, err := s.digest(ctx, tables[task.at], task.r)
			if err != nil {
				return err
			}
			mu.Lock()
			out[task.at].Merge(d)
			mu.Unlock()
			if progress != nil {
				progress(tables[task.at], d.Rows)
			}
			return nil
		})
	}
	return out, g.Wait()
}

// Digest reads the rows of a range.
func (s *Snapshot) digest(ctx context.Context, t *Table, r Range) (*Digest, error) {
	d := NewDigest(t)
	key := t.keyIndexes()[0]
	var line []byte
	err := s.With(ctx, func(c *sql.Conn) error {
		return s.read(ctx, c, t, r, false, func(row []driver.Value) (err error) {
			if line, err = t.appendRow(line[:0], row, nil); err != nil {
				return err
			}
			d.Add(keyOf(row[key]), line)
			return nil
		})
	})
	return d, err
}

// Ranges cuts the keys of a table into ranges of so many keys that together hold all
// rows. An empty table has none.
func (s *Snapshot) Ranges(ctx context.Context, t *Table, keys int64) ([]Range, error) {
	var low, high sql.NullInt64
	err := s.With(ctx, func(c *sql.Conn) error {
		k := quote(t.Key[0])
		// Two statements, each of which looks at one end of the index.
		if err := c.QueryRowContext(ctx, "SELECT min("+k+") FROM "+quote(t.Name)).Scan(&low); err != nil {
			return err
		}
		return c.QueryRowContext(ctx, "SELECT max("+k+") FROM "+quote(t.Name)).Scan(&high)
	})
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", t.Name, err)
	}
	if !low.Valid {
		return nil, nil
	}
	var out []Range
	// On whole multiples, so that the same row is in the same range whatever its neighbours are.
	for at := floor(low.Int64, keys); at <= high.Int64; at += keys {
		out = append(out, Range{Low: at, High: at + keys, Bounded: true})
	}
	return out, nil
}

func floor(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q * by
}

// Difference is a row that is not the same in two databases.
type Difference struct {
	Table  string `json:"table"`
	Key    string `json:"key"`
	Column string `json:"column,omitempty"` // empty: the row is on one side only, or there more often
	Here   string `json:"here,omitempty"`
	There  string `json:"there,omitempty"`
	What   string `json:"what"`
}

// String tells the difference in a line.
func (d Difference) String() string {
	if d.Column == "" {
		return fmt.Sprintf("%s %s: %s", d.Table, d.Key, d.What)
	}
	return fmt.Sprintf("%s %s: %s is %s here and %s there", d.Table, d.Key, d.Column, d.Here, d.There)
}

// Kinds of differences.
const (
	Missing = "only here"
	Surplus = "only there"
	Changed = "changed"
)

// Differences compares two tables whose digests differ and names up to limit rows
// that do.
func Differences(ctx context.Context, t *Table, here, there *Snapshot, a, b *Digest, limit int) ([]Difference, error) {
	var keys []int64
	for k, p := range a.Buckets {
		if b.Buckets[k] != p {
			keys = append(keys, k)
		}
	}
	for k := range b.Buckets {
		if _, ok := a.Buckets[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []Difference
	for _, k := range keys {
		r := Range{Low: k << bucketBits, High: (k + 1) << bucketBits, Bounded: true}
		left, err := here.rowsByKey(ctx, t, r)
		if err != nil {
			return nil, err
		}
		right, err := there.rowsByKey(ctx, t, r)
		if err != nil {
			return nil, err
		}
		if out = t.compare(out, left, right, limit); len(out) >= limit {
			break
		}
	}
	return out, nil
}

// rowsByKey are the canonical fields of the rows of a range, by the text of the key.
// A key that is there twice has its rows one after the other.
func (s *Snapshot) rowsByKey(ctx context.Context, t *Table, r Range) (map[string][]string, error) {
	out := map[string][]string{}
	ends := make([]int, len(t.Columns))
	var line []byte
	err := s.With(ctx, func(c *sql.Conn) error {
		return s.read(ctx, c, t, r, true, func(row []driver.Value) (err error) {
			if line, err = t.appendRow(line[:0], row, ends); err != nil {
				return err
			}
			key, from := t.keyText(row), 0
			for _, end := range ends {
				out[key] = append(out[key], string(line[from:end]))
				from = min(end+1, len(line))
			}
			return nil
		})
	})
	return out, err
}

func (t *Table) compare(out []Difference, here, there map[string][]string, limit int) []Difference {
	keys := make([]string, 0, len(here))
	for k := range here {
		keys = append(keys, k)
	}
	for k := range there {
		if _, ok := here[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		a, b := here[k], there[k]
		switch {
		case len(a) > len(b):
			out = append(out, Difference{Table: t.Name, Key: k, What: Missing})
		case len(a) < len(b):
			out = append(out, Difference{Table: t.Name, Key: k, What: Surplus})
		}
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				out = append(out, Difference{t.Name, k, t.Columns[i%len(t.Columns)].Name, shorten(a[i]), shorten(b[i]), Changed})
			}
		}
		if len(out) >= limit {
			return out[:limit]
		}
	}
	return out
}
