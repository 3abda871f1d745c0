// Package playground serves the page on which developers explore the API:
// GraphiQL with a sign-in bar and a menu of examples. Everything the page needs
// is in the binary; it asks no other host for anything.
package playground

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// dist is written by the build in ui/, every file compressed. In a fresh clone it
// holds only .gitkeep, so that the server builds without Node.
//
//go:embed all:dist
var distFiles embed.FS

// policy keeps the page on its own origin. Monaco adds style elements; fonts and
// icons come as data URLs. A worker takes its policy from its script's answer, so
// the policy is sent with every file. Without form-action a sign-in form whose
// script has failed would send the password as part of an address.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; " +
	"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// notBuilt stands in for the page; %s is the endpoint.
const notBuilt = `<!doctype html>
<html lang="tr">
<head><meta charset="utf-8"><title>Aliaport GraphQL</title><link rel="icon" href="data:,"></head>
<body>
<p>Playground'un dosyaları derlenmemiş. <code>make playground</code> çalıştırıp sunucuyu yeniden derleyin.
API çalışıyor: <code>%[1]s</code></p>
<p lang="en">The playground's assets are not built. Run <code>make playground</code> and build the server again.
The API works: <code>%[1]s</code></p>
</body>
</html>
`

// Handler serves /playground and what lies below it. The page sends its queries to
// endpoint, a path on the same origin.
func Handler(endpoint string) (http.Handler, error) {
	dist, err := fs.Sub(distFiles, "dist")
	if err != nil {
		return nil, err
	}
	examples, err := Examples()
	if err != nil {
		return nil, fmt.Errorf("playground examples: %w", err)
	}
	return newHandler(dist, examples, endpoint)
}

// file is an answer, kept compressed.
type file struct {
	gzipped      []byte
	contentType  string
	cacheControl string
}

func newHandler(dist fs.FS, examples []Example, endpoint string) (http.Handler, error) {
	files, err := readDist(dist)
	if err != nil {
		return nil, fmt.Errorf("playground assets: %w", err)
	}
	index, err := page(dist, endpoint)
	if err != nil {
		return nil, fmt.Errorf("playground page: %w", err)
	}
	list, err := json.Marshal(examples)
	if err != nil {
		return nil, fmt.Errorf("playground examples: %w", err)
	}
	// Both change with the binary while their address stays.
	files[""] = file{compress(index), contentType(".html"), "no-store"}
	files["examples.json"] = file{compress(list), contentType(".json"), "no-store"}

	serve := func(w http.ResponseWriter, r *http.Request) {
		f, found := files[r.PathValue("path")]
		if !found {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /playground", serve)
	mux.HandleFunc("GET /playground/{path...}", serve)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		mux.ServeHTTP(w, r)
	}), nil
}

// readDist returns the built files but the page, by their path below /playground/.
func readDist(dist fs.FS) (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		plain, gzipped := strings.CutSuffix(name, ".gz")
		if err != nil || d.IsDir() || !gzipped || plain == "index.html" {
			return err
		}
		content, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		// Names below assets/ carry a hash of their content.
		cache := "no-store"
		if strings.HasPrefix(plain, "assets/") {
			cache = "public, max-age=31536000, immutable"
		}
		files[plain] = file{content, contentType(path.Ext(plain)), cache}
		return nil
	})
	return files, err
}

// page returns the built page with the endpoint written in, or the one that says
// that it is not built.
func page(dist fs.FS, endpoint string) ([]byte, error) {
	endpoint = html.EscapeString(endpoint)
	f, err := dist.Open("index.html.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Appendf(nil, notBuilt, endpoint), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	index, err := io.ReadAll(zr)
	if err != nil {
		return nil, err
	}
	const meta = `<meta name="graphql-endpoint" content="%s"`
	built := fmt.Appendf(nil, meta, "/graphql")
	if !bytes.Contains(index, built) {
		return nil, errors.New("index.html names no graphql-endpoint")
	}
	return bytes.Replace(index, built, fmt.Appendf(nil, meta, endpoint), 1), nil
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cacheControl)
	h.Set("Vary", "Accept-Encoding")

	// A failed write is a client that has gone, so it is not looked at.
	if acceptsGzip(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(f.gzipped)))
		_, _ = w.Write(f.gzipped)
		return
	}
	zr, err := gzip.NewReader(bytes.NewReader(f.gzipped))
	if err != nil {
		http.Error(w, "unreadable asset", http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, zr) //nolint:gosec // our own files, of known size
}

// acceptsGzip reads Accept-Encoding as RFC 9110 §12.5.3 has it: a quality of 0
// forbids, and * stands for every coding that is not named.
func acceptsGzip(accept string) bool {
	others := false
	for part := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(part, ";")
		q, hasQ := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		quality, err := strconv.ParseFloat(q, 64)
		allowed := !hasQ || err == nil && quality > 0
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return allowed
		case "*":
			others = allowed
		}
	}
	return others
}

// contentType has its own list because the standard library's depends on the
// machine's mime tables, and nosniff makes a browser drop a script of the wrong type.
func contentType(ext string) string {
	switch ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json":
		return "application/json"
	case ".md":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ttf":
		return "font/ttf"
	case ".woff2":
		return "font/woff2"
	}
	return "application/octet-stream"
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = zw.Write(content) // a bytes.Buffer takes everything
	_ = zw.Close()
	return b.Bytes()
}
