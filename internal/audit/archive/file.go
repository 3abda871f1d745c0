package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"aliaport/ent"
	"aliaport/internal/audit"
)

// content is what is known of the lines of a segment.
type content struct {
	rows        int64
	first, last key
	sha256      string
}

// key is the place of an event in its segment.
type key struct {
	at time.Time
	id int64
}

func keyOf(e *ent.AuditEvent) key { return key{e.CreatedAt.UTC(), e.ID} }

// compare orders keys as the segments are ordered.
func (k key) compare(other key) int {
	if c := k.at.Compare(other.at); c != 0 {
		return c
	}
	switch {
	case k.id < other.id:
		return -1
	case k.id > other.id:
		return 1
	}
	return 0
}

// tally makes a content of lines.
type tally struct {
	content
	hash hash.Hash
}

func newTally() *tally { return &tally{hash: sha256.New()} }

func (t *tally) add(k key, line []byte) {
	if t.rows == 0 {
		t.first = k
	}
	t.rows++
	t.last = k
	_, _ = t.hash.Write(line) // with its line break
}

func (t *tally) sum() content {
	t.sha256 = hex.EncodeToString(t.hash.Sum(nil))
	return t.content
}

// write puts the events of a month into a new file and syncs it.
func (s *Service) write(ctx context.Context, month Month, path string) (wrote content, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator's folder
	if err != nil {
		return content{}, fmt.Errorf("write the archive: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("write the archive: %w", cerr)
		}
	}()
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return content{}, fmt.Errorf("write the archive: %w", err)
	}
	t := newTally()
	var line []byte
	err = audit.Walk(ctx, s.DB, month.within, func(e *ent.AuditEvent) error {
		var err error
		if line, err = audit.AppendLine(line[:0], e); err != nil {
			return err
		}
		line = append(line, '\n')
		t.add(keyOf(e), line)
		if t.rows%500 == 1 {
			if err := z.Flush(); err != nil {
				return err
			}
			s.at(stepWriting)
		}
		_, err = z.Write(line)
		return err
	})
	if err != nil {
		return content{}, errors.Join(fmt.Errorf("write the archive: %w", err), z.Close())
	}
	if err := z.Close(); err != nil {
		return content{}, fmt.Errorf("write the archive: %w", err)
	}
	if err := f.Sync(); err != nil {
		return content{}, fmt.Errorf("sync the archive: %w", err)
	}
	return t.sum(), syncFolder(s.Dir)
}

// file is what was found when a file was read.
type file struct {
	content
	fileBytes  int64
	fileSHA256 string
}

// sealedBy tells whether the file is the one that was sealed.
func (f *file) sealedBy(a *ent.AuditArchive) bool {
	return f.rows == a.Rows && f.sha256 == a.Sha256 && f.fileBytes == a.FileBytes && f.fileSHA256 == a.FileSha256 &&
		f.first == key{a.FirstEventAt.UTC(), a.FirstEventID} && f.last == key{a.LastEventAt.UTC(), a.LastEventID}
}

// maxLine bounds a line: no event comes near it.
const maxLine = 64 << 20

// reader reads the events of a file one after the other.
type reader struct {
	path  string
	f     *os.File
	z     *zstd.Decoder
	lines *bufio.Scanner
	tally *tally
	bytes int64
	sum   hash.Hash

	event *ent.AuditEvent // nil before the first and behind the last
	line  []byte          // of the event, without its break; good until the next
	ended bool
}

func (*Service) open(path string) (*reader, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's folder
	if err != nil {
		return nil, err
	}
	r := &reader{path: path, f: f, tally: newTally(), sum: sha256.New()}
	r.z, err = zstd.NewReader(io.TeeReader(&counting{f, &r.bytes}, r.sum), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: %w", path, ErrDamaged, err), f.Close())
	}
	r.lines = bufio.NewScanner(r.z)
	r.lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	r.lines.Split(whole)
	return r, nil
}

func (r *reader) close() {
	r.z.Close()
	_ = r.f.Close()
}

// next goes on to the next event; false at the end.
func (r *reader) next() (bool, error) {
	r.event, r.line = nil, nil
	if r.ended {
		return false, nil
	}
	if !r.lines.Scan() {
		r.ended = true
		if err := r.lines.Err(); err != nil {
			return false, fmt.Errorf("%s: %w: %w", r.path, ErrDamaged, err)
		}
		return false, nil
	}
	whole := r.lines.Bytes()
	line := whole[:len(whole)-1]
	e, err := audit.ParseLine(line)
	if err != nil {
		return false, fmt.Errorf("%s, line %d: %w: %w", r.path, r.tally.rows+1, ErrDamaged, err)
	}
	k := keyOf(e)
	if r.tally.rows > 0 && k.compare(r.tally.last) <= 0 {
		return false, fmt.Errorf("%s, line %d: %w: out of order", r.path, r.tally.rows+1, ErrDamaged)
	}
	r.tally.add(k, whole)
	r.event, r.line = e, line
	return true, nil
}

// seek goes forward to the event with the key, or to the first behind it, and tells
// whether it is there.
func (r *reader) seek(k key) (there bool, err error) {
	for !r.ended && (r.event == nil || keyOf(r.event).compare(k) < 0) {
		if _, err := r.next(); err != nil {
			return false, err
		}
	}
	return r.event != nil && keyOf(r.event) == k, nil
}

// read reads a file to its end and hands over its events, if each is not nil, with
// their lines, which are good until it returns.
func (s *Service) read(ctx context.Context, path string, each func(e *ent.AuditEvent, line []byte) error) (*file, error) {
	r, err := s.open(path)
	if err != nil {
		return nil, err
	}
	defer r.close()
	for {
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if each != nil {
			if err := each(r.event, r.line); err != nil {
				return nil, err
			}
		}
		if r.tally.rows%batchSize == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return &file{r.tally.sum(), r.bytes, hex.EncodeToString(r.sum.Sum(nil))}, nil
}

// scan reads a file to its end without looking into its events but the first and the
// last: its hash tells whether they are those that were sealed.
func (s *Service) scan(ctx context.Context, path string) (*file, error) {
	r, err := s.open(path)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var ends [2][]byte // the first line and the last
	for r.lines.Scan() {
		line := r.lines.Bytes()
		if r.tally.rows == 0 {
			ends[0] = bytes.Clone(line)
		}
		ends[1] = append(ends[1][:0], line...)
		if r.tally.add(key{}, line); r.tally.rows%batchSize == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if err := r.lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	for i, at := range []*key{&r.tally.first, &r.tally.last} {
		if len(ends[i]) == 0 {
			break // an empty file
		}
		e, err := audit.ParseLine(bytes.TrimSuffix(ends[i], []byte{'\n'}))
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
		}
		*at = keyOf(e)
	}
	return &file{r.tally.sum(), r.bytes, hex.EncodeToString(r.sum.Sum(nil))}, nil
}

// counting counts what is read.
type counting struct {
	io.Reader
	n *int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	*c.n += int64(n)
	return n, err
}

var errNoLineBreak = errors.New("the last line has no end")

// whole splits lines and keeps their breaks, all of which must be there.
func whole(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errNoLineBreak
	}
	return 0, nil, nil
}

// statement is what a seal is the hash of, and what lies beside the file.
type statement struct {
	Version      int    `json:"version"`
	Position     int    `json:"position"`
	Month        string `json:"month"`
	Part         int    `json:"part"`
	Rows         int64  `json:"rows"`
	FirstEventID int64  `json:"first_event_id"`
	FirstEventAt string `json:"first_event_at"`
	LastEventID  int64  `json:"last_event_id"`
	LastEventAt  string `json:"last_event_at"`
	SHA256       string `json:"sha256"`
	FileName     string `json:"file_name"`
	FileBytes    int64  `json:"file_bytes"`
	FileSHA256   string `json:"file_sha256"`
	SealedAt     string `json:"sealed_at"`
	PreviousSeal string `json:"previous_seal"`
	Seal         string `json:"seal,omitempty"`
}

func statementOf(a *ent.AuditArchive) statement {
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
	return statement{
		Version: 1, Position: a.Position, Month: a.Month, Part: a.Part, Rows: a.Rows, FirstEventID: a.FirstEventID, FirstEventAt: at(a.FirstEventAt),
		LastEventID: a.LastEventID, LastEventAt: at(a.LastEventAt), SHA256: a.Sha256, FileName: a.FileName, FileBytes: a.FileBytes,
		FileSHA256: a.FileSha256, SealedAt: at(a.SealedAt), PreviousSeal: a.PreviousSeal,
	}
}

// sealOf is the hash of all that is known of a segment and of the seal before it.
func sealOf(a *ent.AuditArchive) string {
	text, err := json.Marshal(statementOf(a))
	if err != nil {
		panic(err) // numbers and texts can be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// sealText is what lies beside a file, so that the chain can be followed without
// the database.
func sealText(a *ent.AuditArchive) []byte {
	st := statementOf(a)
	st.Seal = a.Seal
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		panic(err) // numbers and texts can be written
	}
	return append(text, '\n')
}

// writeSeal puts the seal beside the file and syncs the folder.
func (s *Service) writeSeal(a *ent.AuditArchive) error {
	return writeWhole(s.Dir, s.path(a)+sealEnding, sealText(a))
}

// writeWhole makes a file that is there as a whole or not at all.
func writeWhole(dir, path string, text []byte) (err error) {
	f, err := os.OpenFile(path+temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the operator's folder
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+temporary, path); err != nil { //nolint:gosec // the operator's folder
		return err
	}
	return syncFolder(dir)
}
