package playground

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// built is a dist folder as the build in ui/ leaves it.
var built = fstest.MapFS{
	".gitkeep":                {},
	"index.html.gz":           {Data: compress([]byte(`<meta name="graphql-endpoint" content="/graphql" /><p>page</p>`))},
	"assets/index-abc.js.gz":  {Data: compress([]byte("run()"))},
	"assets/index-abc.css.gz": {Data: compress([]byte("p{}"))},
	"assets/icons-abc.ttf.gz": {Data: compress([]byte("font"))},
	"assets/data-abc.wasm.gz": {Data: compress([]byte("wasm"))},
	"licenses.md.gz":          {Data: compress([]byte("# Licenses"))},
}

var notBuiltYet = fstest.MapFS{".gitkeep": {}}

const (
	forever = "public, max-age=31536000, immutable"
	never   = "no-store"
)

func get(t *testing.T, h http.Handler, method, target, acceptEncoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if acceptEncoding != "" {
		r.Header.Set("Accept-Encoding", acceptEncoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	content := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		content = zr
	}
	b, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newTestHandler(t *testing.T, dist fs.FS, endpoint string) http.Handler {
	t.Helper()
	h, err := newHandler(dist, []Example{{Name: "a", Title: "A", Query: "{a}"}}, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dist        fs.FS
		method      string
		target      string
		endpoint    string
		status      int
		contentType string
		cache       string
		contains    []string
	}{
		"the page is built and never cached": {
			built, "GET", "/playground", "/graphql", 200, "text/html; charset=utf-8", never, []string{"<p>page</p>", `content="/graphql"`},
		},
		"the page is also found with a slash behind it": {
			built, "GET", "/playground/", "/graphql", 200, "text/html; charset=utf-8", never, []string{"<p>page</p>"},
		},
		"the page names another endpoint": {
			built, "GET", "/playground", "/api/v2", 200, "text/html; charset=utf-8", never, []string{`content="/api/v2"`},
		},
		"an endpoint cannot leave its attribute": {
			built, "GET", "/playground", `/"><script>`, 200, "text/html; charset=utf-8", never, []string{`content="/&#34;&gt;&lt;script&gt;"`},
		},
		"a page that is not built says so in both languages": {
			notBuiltYet, "GET", "/playground", "/api", 200, "text/html; charset=utf-8", never,
			[]string{"derlenmemiş", "are not built", "make playground", "<code>/api</code>"},
		},
		"examples are served without built assets": {
			notBuiltYet, "GET", "/playground/examples.json", "/graphql", 200, "application/json", never,
			[]string{`[{"name":"a","title":"A","query":"{a}"}]`},
		},
		"a script is kept for ever": {
			built, "GET", "/playground/assets/index-abc.js", "/graphql", 200, "text/javascript; charset=utf-8", forever, []string{"run()"},
		},
		"a style sheet has its type": {
			built, "GET", "/playground/assets/index-abc.css", "/graphql", 200, "text/css; charset=utf-8", forever, []string{"p{}"},
		},
		"a font has its type": {
			built, "GET", "/playground/assets/icons-abc.ttf", "/graphql", 200, "font/ttf", forever, []string{"font"},
		},
		"an unknown kind of file is only bytes": {
			built, "GET", "/playground/assets/data-abc.wasm", "/graphql", 200, "application/octet-stream", forever, []string{"wasm"},
		},
		"a file without a hash is not cached": {
			built, "GET", "/playground/licenses.md", "/graphql", 200, "text/plain; charset=utf-8", never, []string{"# Licenses"},
		},
		"an asset of an older build is not found": {
			built, "GET", "/playground/assets/index-old.js", "/graphql", 404, "text/plain; charset=utf-8", "", nil,
		},
		"the stored name is not an address": {
			built, "GET", "/playground/assets/index-abc.js.gz", "/graphql", 404, "text/plain; charset=utf-8", "", nil,
		},
		"the page's file is not a second page with the wrong endpoint": {
			built, "GET", "/playground/index.html", "/graphql", 404, "text/plain; charset=utf-8", "", nil,
		},
		"a query sent to the page is refused": {
			built, "POST", "/playground", "/graphql", 405, "text/plain; charset=utf-8", "", nil,
		},
	} {
		for _, encoding := range []string{"", "gzip"} {
			t.Run(name+"; Accept-Encoding: "+encoding, func(t *testing.T) {
				t.Parallel()
				resp := get(t, newTestHandler(t, tc.dist, tc.endpoint), tc.method, tc.target, encoding)
				if resp.StatusCode != tc.status {
					t.Errorf("status %d, want %d", resp.StatusCode, tc.status)
				}
				if got := resp.Header.Get("Content-Type"); got != tc.contentType {
					t.Errorf("Content-Type %q, want %q", got, tc.contentType)
				}
				if got := resp.Header.Get("Cache-Control"); got != tc.cache {
					t.Errorf("Cache-Control %q, want %q", got, tc.cache)
				}
				content := body(t, resp)
				for _, want := range tc.contains {
					if !strings.Contains(content, want) {
						t.Errorf("body lacks %q:\n%s", want, content)
					}
				}
			})
		}
	}
}

func TestEveryAnswerIsLockedDown(t *testing.T) {
	t.Parallel()
	h := newTestHandler(t, built, "/graphql")
	for _, target := range []string{"/playground", "/playground/examples.json", "/playground/assets/index-abc.js", "/playground/none"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			resp := get(t, h, http.MethodGet, target, "gzip")
			if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options %q", got)
			}
			if got := resp.Header.Get("Referrer-Policy"); got != "no-referrer" {
				t.Errorf("Referrer-Policy %q", got)
			}
			csp := resp.Header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "object-src 'none'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("policy %q lacks %q", csp, want)
				}
			}
			if strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "http") {
				t.Errorf("policy %q allows too much", csp)
			}
		})
	}
}

func TestGzipNegotiation(t *testing.T) {
	t.Parallel()
	h := newTestHandler(t, built, "/graphql")
	for name, tc := range map[string]struct {
		accept string
		want   bool
	}{
		"a browser gets gzip":                      {"gzip, deflate, br, zstd", true},
		"case does not matter":                     {"GZIP", true},
		"a small quality is still a yes":           {"br;q=1.0, gzip;q=0.1", true},
		"the wildcard includes gzip":               {"*", true},
		"no header means plain":                    {"", false},
		"other codings mean plain":                 {"br, deflate", false},
		"quality 0 forbids":                        {"gzip;q=0", false},
		"quality 0 forbids in its long form too":   {"gzip; q=0.000", false},
		"gzip forbidden wins over the wildcard":    {"*, gzip;q=0", false},
		"a forbidden wildcard leaves gzip allowed": {"*;q=0, gzip", true},
		"a forbidden wildcard forbids gzip":        {"identity, *;q=0", false},
		"nonsense for a quality means plain":       {"gzip;q=lots", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := get(t, h, http.MethodGet, "/playground/assets/index-abc.js", tc.accept)
			if got := resp.Header.Get("Content-Encoding") == "gzip"; got != tc.want {
				t.Errorf("%q: gzip %t, want %t", tc.accept, got, tc.want)
			}
			if got := resp.Header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("Vary %q", got)
			}
			if got := body(t, resp); got != "run()" {
				t.Errorf("body %q", got)
			}
		})
	}
}

func TestHeadHasTheLengthAndNoBody(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newTestHandler(t, built, "/graphql"))
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, srv.URL+"/playground/assets/index-abc.js", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if want := int64(len(built["assets/index-abc.js.gz"].Data)); resp.StatusCode != 200 || resp.ContentLength != want {
		t.Errorf("status %d, length %d, want 200, %d", resp.StatusCode, resp.ContentLength, want)
	}
}

func TestBrokenBuildsAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	for name, dist := range map[string]fs.FS{
		"a page without an endpoint":   fstest.MapFS{"index.html.gz": {Data: compress([]byte("<p>page</p>"))}},
		"a page that is not gzip":      fstest.MapFS{"index.html.gz": {Data: []byte("<p>page</p>")}},
		"a page cut off in its middle": fstest.MapFS{"index.html.gz": {Data: built["index.html.gz"].Data[:20]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := newHandler(dist, nil, "/graphql"); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

// What is embedded differs between a fresh clone and a built one; both must serve.
func TestTheEmbeddedFilesAreServed(t *testing.T) {
	t.Parallel()
	h, err := Handler("/graphql")
	if err != nil {
		t.Fatal(err)
	}
	if resp := get(t, h, http.MethodGet, "/playground", "gzip"); resp.StatusCode != 200 || !strings.Contains(body(t, resp), "/graphql") {
		t.Errorf("page: status %d", resp.StatusCode)
	}
	var examples []Example
	resp := get(t, h, http.MethodGet, "/playground/examples.json", "")
	if err := json.Unmarshal([]byte(body(t, resp)), &examples); err != nil || len(examples) == 0 {
		t.Errorf("%d examples, %v", len(examples), err)
	}
	assets, err := fs.Glob(distFiles, "dist/assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range assets {
		plain, gzipped := strings.CutSuffix(path.Base(name), ".gz")
		if !gzipped {
			t.Errorf("%s is not stored compressed", name)
		}
		resp := get(t, h, http.MethodGet, "/playground/assets/"+plain, "gzip")
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got == contentType("") {
			t.Errorf("%s: status %d, Content-Type %q", plain, resp.StatusCode, got)
		}
	}
}

func TestExamplesParse(t *testing.T) {
	t.Parallel()
	examples, err := Examples()
	if err != nil {
		t.Fatal(err)
	}
	if len(examples) == 0 || examples[0].Name != "01_board" {
		t.Fatalf("the board is not the first of %d examples", len(examples))
	}
	for _, e := range examples {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(e.Title, " / ") {
				t.Errorf("title %q is not in two languages", e.Title)
			}
			if strings.Contains(e.Query, "# Title:") || strings.Contains(e.Query, "# Variables:") {
				t.Errorf("query holds its own header:\n%s", e.Query)
			}
			if strings.Contains(e.Query, "($") != (e.Variables != nil) {
				t.Errorf("declared and given variables differ: %s", e.Variables)
			}
		})
	}
}

func TestParseExample(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want Example
	}{
		"a title and a query": {
			"# Title: Pano / Board\n\n{ a }\n",
			Example{Title: "Pano / Board", Query: "{ a }\n"},
		},
		"a query right below its header": {
			"# Title: A\n{ a }",
			Example{Title: "A", Query: "{ a }\n"},
		},
		"variables on one line": {
			"# Title: A\n# Variables: {\"n\": 1}\n\n{ a }",
			Example{Title: "A", Query: "{ a }\n", Variables: json.RawMessage(`{"n": 1}`)},
		},
		"variables over several lines": {
			"# Title: A\n# Variables: {\n#   \"n\": \"a: b\"\n# }\n\n{ a }",
			Example{Title: "A", Query: "{ a }\n", Variables: json.RawMessage("{\n\"n\": \"a: b\"\n}")},
		},
		"a comment of the query stays with it": {
			"# Title: A\n\n# why\n{ a }",
			Example{Title: "A", Query: "# why\n{ a }\n"},
		},
		"headers": {
			"# Title: A\n# Headers: {\"X-Profile\": \"plan\"}\n{ a }",
			Example{Title: "A", Query: "{ a }\n", Headers: map[string]string{"X-Profile": "plan"}},
		},
		"Windows line ends": {
			"# Title: A\r\n# Variables: {}\r\n\r\n{ a }\r\n",
			Example{Title: "A", Query: "{ a }\n", Variables: json.RawMessage(`{}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseExample(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			gotJSON, _ := json.Marshal(got)
			wantJSON, _ := json.Marshal(tc.want)
			if !bytes.Equal(gotJSON, wantJSON) {
				t.Errorf("got %s, want %s", gotJSON, wantJSON)
			}
		})
	}
}

func TestParseExampleRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a file without a title":       "{ a }",
		"an empty title":               "# Title:\n{ a }",
		"a comment before the title":   "# about\n# Title: A\n{ a }",
		"a title of two lines":         "# Title: A\n# B\n{ a }",
		"a file without a query":       "# Title: A\n",
		"variables that are no JSON":   "# Title: A\n# Variables: {n: 1}\n{ a }",
		"variables that are no object": "# Title: A\n# Variables: [1]\n{ a }",
		"headers that are not strings": "# Title: A\n# Headers: {\"a\": 1}\n{ a }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if e, err := parseExample(text); err == nil {
				t.Errorf("was read as %+v", e)
			}
		})
	}
}
