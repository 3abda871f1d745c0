package transfer

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"aliaport/internal/proof"
)

// Report is what a proof found. JSON is its form; WriteText shows it to people.
type Report struct {
	Version     int                `json:"version"`
	From        string             `json:"from"`
	To          string             `json:"to"`
	Began       time.Time          `json:"began"`
	Ended       time.Time          `json:"ended"`
	Only        []string           `json:"only,omitempty"`
	Rows        int64              `json:"rows"`
	CopyTook    time.Duration      `json:"copyNanoseconds"`
	ProofTook   time.Duration      `json:"proofNanoseconds"`
	Tables      []TableProof       `json:"tables"`
	Differences []proof.Difference `json:"differences,omitempty"`
	Orphans     []Orphan           `json:"orphans,omitempty"`
	Invalid     []string           `json:"invalid,omitempty"` // foreign keys, indexes and counts that do not hold
	Identities  []Identity         `json:"identities"`
	Answers     []Answer           `json:"questions,omitempty"`
	Equal       bool               `json:"equal"`
	Signature   string             `json:"signature,omitempty"`
}

// TableProof is a table on both sides.
type TableProof struct {
	Here  *proof.Digest `json:"source"`
	There *proof.Digest `json:"target"`
	Equal bool          `json:"equal"`
}

// Answer is a question to the API and whether both databases answered the same.
type Answer struct {
	Question string `json:"question"`
	SHA256   string `json:"sha256"` // of the source's answer
	Equal    bool   `json:"equal"`
	Here     string `json:"source,omitempty"` // where they differ
	There    string `json:"target,omitempty"`
}

func (r *Report) judge() bool {
	for _, t := range r.Tables {
		if !t.Equal {
			return false
		}
	}
	for _, id := range r.Identities {
		if !id.Fits() {
			return false
		}
	}
	for _, a := range r.Answers {
		if !a.Equal {
			return false
		}
	}
	return len(r.Differences)+len(r.Orphans)+len(r.Invalid) == 0
}

// ErrSignature means that a report was changed, or signed with another key.
var ErrSignature = errors.New("the signature does not fit the report and this installation's key")

// mac is over the report without its signature.
func (r *Report) mac(key []byte) (string, error) {
	own, err := hkdf.Key(sha256.New, key, nil, "aliaport transfer report", sha256.Size)
	if err != nil {
		return "", err
	}
	unsigned := *r
	unsigned.Signature = ""
	text, err := json.Marshal(unsigned)
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, own)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Sign signs the report with the key of the installation.
func (r *Report) Sign(key []byte) (err error) {
	r.Signature, err = r.mac(key)
	return err
}

// Verify reads a report and makes sure that it is as it was signed and that its
// verdict follows from what it lists.
func Verify(in io.Reader, key []byte) (*Report, error) {
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	want, err := r.mac(key)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(want), []byte(r.Signature)) {
		return nil, ErrSignature
	}
	if r.Equal != r.judge() {
		return nil, errors.New("the report's verdict is not what it lists")
	}
	return &r, nil
}

// WriteText shows the report to people.
func (r *Report) WriteText(out io.Writer) error {
	verdict := "EQUAL"
	if !r.Equal {
		verdict = "DIFFERENT"
	}
	fmt.Fprintf(out, "%s: %s and %s\n", verdict, r.From, r.To)
	fmt.Fprintf(out, "%d rows; copied in %s, proven in %s; ended %s\n\n", r.Rows, r.CopyTook.Round(time.Second/10), r.ProofTook.Round(time.Second/10), r.Ended.Format(time.RFC3339))
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TABLE\tROWS\tKEYS\tDIGEST\tTARGET")
	for _, t := range r.Tables {
		state := "equal"
		if !t.Equal {
			state = fmt.Sprintf("%d rows, %s", t.There.Rows, t.There.Sum.String()[:16])
		}
		fmt.Fprintf(tw, "%s\t%d\t%d–%d\t%s\t%s\n", t.Here.Table, t.Here.Rows, t.Here.MinKey, t.Here.MaxKey, t.Here.Sum.String()[:16], state)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, d := range r.Differences {
		fmt.Fprintln(&b, "difference:", d)
	}
	for _, o := range r.Orphans {
		fmt.Fprintf(&b, "orphan: %s %s refers to a row of %s that is not there\n", o.Table, o.Key, o.Refer)
	}
	for _, s := range r.Invalid {
		fmt.Fprintln(&b, "does not hold:", s)
	}
	probed := 0
	for _, id := range r.Identities {
		if id.Probed {
			probed++
		}
		if !id.Fits() {
			fmt.Fprintf(&b, "next key of %s: %d, want %d\n", id.Table, id.Got, id.Want)
		}
	}
	same := 0
	for _, a := range r.Answers {
		if a.Equal {
			same++
		} else {
			fmt.Fprintf(&b, "question %s: answered\n  %s\nby the source and\n  %s\nby the target\n", a.Question, a.Here, a.There)
		}
	}
	fmt.Fprintf(out, "\nNext keys: %d compared, %d of them by a row that was inserted and undone. Questions: %d of %d answered alike.\n", len(r.Identities), probed, same, len(r.Answers))
	_, err := io.WriteString(out, b.String())
	return err
}
