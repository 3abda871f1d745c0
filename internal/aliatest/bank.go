package aliatest

import (
	"bytes"
	_ "embed"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"aliaport/internal/calendar"
)

//go:embed bulletin.xml
var bulletin []byte

// Bulletin is a file with the structure of the central bank's and made-up figures,
// of Friday, 27 February 2026.
func Bulletin() []byte { return slices.Clone(bulletin) }

// Edition is a file with some texts replaced by others: old, new, old, new …
func Edition(t testing.TB, file []byte, replace ...string) []byte {
	t.Helper()
	for pair := range slices.Chunk(replace, 2) {
		if !bytes.Contains(file, []byte(pair[0])) {
			t.Fatalf("the file has no %s", pair[0])
		}
		file = bytes.ReplaceAll(file, []byte(pair[0]), []byte(pair[1]))
	}
	return file
}

// Bank is the site of a central bank.
type Bank struct {
	URL string // of the folder with today.xml

	site  *httptest.Server
	mu    sync.Mutex // protects files and asked
	files map[string][]byte
	asked []string
}

// NewBank opens a bank that has published Bulletin and one of the day before, on
// which a dollar was 34.40, and that had a page in place of a bulletin on 25
// February.
func NewBank(t testing.TB) *Bank {
	t.Helper()
	b := &Bank{files: map[string][]byte{}}
	friday := calendar.Date{Year: 2026, Month: 2, Day: 27}
	b.Publish(friday.AddDays(-2), []byte("<!DOCTYPE html><html><body>Site bakımda</body></html>"))
	b.Publish(friday.AddDays(-1), Edition(t, Bulletin(), "27.02.2026", "26.02.2026", "02/27/2026", "02/26/2026", "2026/41", "2026/40", ">34.5000<", ">34.4000<"))
	b.Publish(friday, Bulletin())
	b.site = httptest.NewServer(b)
	t.Cleanup(b.Close)
	b.URL = b.site.URL + "/kurlar"
	return b
}

// Publish makes a file that of the day and the newest.
func (b *Bank) Publish(day calendar.Date, file []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files["/kurlar/today.xml"] = file
	b.files["/kurlar/"+day.Start().Format("200601/02012006")+".xml"] = file
}

// Asked are the paths of all requests so far.
func (b *Bank) Asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// Close takes the site off the net.
func (b *Bank) Close() { b.site.Close() }

// ServeHTTP answers with a file.
func (b *Bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	file, ok := b.files[r.URL.Path]
	b.asked = append(b.asked, r.URL.Path)
	b.mu.Unlock()
	if !ok {
		http.Error(w, "<html>404</html>", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(file)
}
