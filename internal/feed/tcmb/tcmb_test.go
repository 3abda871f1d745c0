package tcmb_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/feed/tcmb"
	"aliaport/internal/rate"
)

var friday = calendar.Date{Year: 2026, Month: 2, Day: 27}

// serve starts a site that answers every path alike and returns a feed of it.
func serve(t *testing.T, handle http.HandlerFunc) *tcmb.Feed {
	t.Helper()
	site := httptest.NewServer(handle)
	t.Cleanup(site.Close)
	return feed(t, site.URL+"/kurlar")
}

func feed(t *testing.T, url string) *tcmb.Feed {
	t.Helper()
	f, err := tcmb.New(tcmb.Options{URL: url, Timeout: 2 * time.Second, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWhereBulletinsAreFetchedFrom(t *testing.T) {
	t.Parallel()
	var asked []string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/xml")
		_, _ = w.Write(aliatest.Bulletin())
	}))
	defer site.Close()
	for _, url := range []string{site.URL + "/kurlar", site.URL + "/kurlar/"} {
		f := feed(t, url)
		for _, get := range []func() (*rate.Bulletin, error){
			func() (*rate.Bulletin, error) { return f.Latest(t.Context()) },
			func() (*rate.Bulletin, error) { return f.Of(t.Context(), friday) },
		} {
			b, err := get()
			if err != nil || b.Date != friday || len(b.Currencies) != 22 {
				t.Fatalf("%+v, %v", b, err)
			}
		}
	}
	if want := "[GET /kurlar/today.xml GET /kurlar/202602/27022026.xml GET /kurlar/today.xml GET /kurlar/202602/27022026.xml]"; fmt.Sprint(asked) != want {
		t.Errorf("asked for %s", asked)
	}
}

func TestAnswersThatAreNoBulletin(t *testing.T) {
	t.Parallel()
	page := "<!DOCTYPE html><html><body>Erişim engellendi</body></html>"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   rate.SourceFault
	}{
		"nothing published that day": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusNotFound) }, rate.NoBulletin},
		"a fault of the server":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusInternalServerError) }, rate.BadStatus},
		"maintenance":                {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusServiceUnavailable) }, rate.BadStatus},
		"a refusal":                  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusForbidden) }, rate.BadStatus},
		"no content":                 {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, rate.BadStatus},
		"a page that says it is one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(page))
		}, rate.Unreadable},
		"a page that says it is XML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = w.Write([]byte(page))
		}, rate.Unreadable},
		"nothing at all": {func(http.ResponseWriter, *http.Request) {}, rate.Unreadable},
		"half a file that ends well": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = w.Write(aliatest.Bulletin()[:4000])
		}, rate.Unreadable},
		"a file that is cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(aliatest.Bulletin())))
			_, _ = w.Write(aliatest.Bulletin()[:4000])
		}, rate.Unreachable},
		"a connection that breaks": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, rate.Unreachable},
		"headers that never come": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, rate.TimedOut},
		"a body that never ends": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		}, rate.TimedOut},
		"a file that is too large": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
					return
				}
			}
		}, rate.TooLarge},
		"a small file that unpacks into a large one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte(strings.Repeat(" ", 1<<24)))
			_ = z.Close()
		}, rate.TooLarge},
		"going in circles": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, rate.Misled},
		"being sent to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, rate.Misled},
		"being sent to a file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, rate.Misled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.answer)
			start := time.Now()
			b, err := f.Latest(t.Context())
			e, ok := errors.AsType[*rate.SourceError](err)
			if !ok || e.Fault != c.want || b != nil {
				t.Errorf("%v, %v; want %s", b, err, c.want)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("gave up after %s", took)
			}
		})
	}
}

func TestXMLUnderManyNames(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"application/xml", "text/xml; charset=UTF-8", "application/octet-stream", "text/plain", "??", ""} {
		f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{typ}
			_, _ = w.Write(aliatest.Bulletin())
		})
		if _, err := f.Latest(t.Context()); err != nil {
			t.Errorf("%q: %v", typ, err)
		}
	}
}

func TestAPackedFileIsRead(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("accepts %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(aliatest.Bulletin())
		_ = z.Close()
	})
	if b, err := f.Latest(t.Context()); err != nil || b.Date != friday {
		t.Errorf("%v, %v", b, err)
	}
}

func TestARedirectWithinTheSiteIsFollowed(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/yeni/today.xml" {
			http.Redirect(w, r, "/yeni/today.xml", http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write(aliatest.Bulletin())
	})
	if b, err := f.Latest(t.Context()); err != nil || b.Date != friday {
		t.Errorf("%v, %v", b, err)
	}
}

func TestTheArchiveMustHaveTheDayAskedFor(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(aliatest.Bulletin()) })
	b, err := f.Of(t.Context(), friday.AddDays(-1))
	if e, ok := errors.AsType[*rate.SourceError](err); !ok || e.Fault != rate.OtherDay || b != nil {
		t.Errorf("%v, %v", b, err)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = feed(t, "http://user:secret@"+address).Latest(t.Context())
	if e, ok := errors.AsType[*rate.SourceError](err); !ok || e.Fault != rate.Unreachable || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestACallerWhoGivesUpIsNoFaultOfTheSource(t *testing.T) {
	t.Parallel()
	f := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := f.Latest(ctx)
	if _, ok := errors.AsType[*rate.SourceError](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "www.tcmb.gov.tr/kurlar", "ftp://example.org", "file:///etc", "https://", "http://a b", "://"} {
		if f, err := tcmb.New(tcmb.Options{URL: url}); err == nil {
			t.Errorf("%q makes %v", url, f)
		}
	}
}
