package graph_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
)

var update = flag.Bool("update", false, "write what the server answers into the stories; read the diff")

// TestStories tells the files of testdata to the server, on both databases. A story
// is a txtar file of steps; NAME.graphql is a document, whose first lines may be
//
//	# as: ROLE           who asks; a stranger when absent
//	# variables: {…}     $step.path is replaced by what an earlier step answered
//	# after: 7h30m       so much time passes before the step
//
// and NAME.json is what is answered. Every story begins with the records of
// api.Fixture, and of a bank that has published rates.
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) { tell(t, db, file) })
		})
	}
}

func tell(t *testing.T, db *store.DB, file string) {
	t.Helper()
	api.Fixture(t, db)
	server := api.New(t, db)
	story, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]any{}
	want := map[string]*txtar.File{}
	for i := range story.Files {
		if name, ok := strings.CutSuffix(story.Files[i].Name, ".json"); ok {
			want[name] = &story.Files[i]
		}
	}
	var told []txtar.File
	for _, f := range story.Files {
		name, ok := strings.CutSuffix(f.Name, ".graphql")
		if !ok {
			continue
		}
		role, variables := directions(t, string(f.Data), answers)
		server.Clock.Move(passing(t, string(f.Data)))
		answer := server.Do(t, role, string(f.Data), variables)
		got := visible(t, answer)
		answers[name] = decoded(t, answer.Data)
		told = append(told, f, txtar.File{Name: name + ".json", Data: got})
		if *update {
			continue
		}
		if want[name] == nil {
			t.Fatalf("step %s has no answer in the story", name)
		}
		if !bytes.Equal(bytes.TrimSpace(want[name].Data), bytes.TrimSpace(got)) {
			t.Errorf("step %s:\n got %s\nwant %s", name, got, want[name].Data)
		}
	}
	if *update && db.Dialect() == "sqlite3" {
		story.Files = told
		if err := os.WriteFile(file, txtar.Format(story), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

var after = regexp.MustCompile(`(?m)^# after: (\S+)$`)

// passing is how much time passes before a step.
func passing(t *testing.T, document string) time.Duration {
	t.Helper()
	m := after.FindStringSubmatch(document)
	if m == nil {
		return 0
	}
	d, err := time.ParseDuration(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var reference = regexp.MustCompile(`\$([\w.]+)`)

// directions reads the comment lines at the head of a document.
func directions(t *testing.T, document string, answers map[string]any) (role string, variables map[string]any) {
	t.Helper()
	for line := range strings.Lines(document) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		if as, ok := strings.CutPrefix(line, "as: "); ok {
			role = as
		}
		if text, ok := strings.CutPrefix(line, "variables: "); ok {
			text = reference.ReplaceAllStringFunc(text, func(ref string) string { return fmt.Sprint(lookUp(t, answers, ref[1:])) })
			if err := json.Unmarshal([]byte(text), &variables); err != nil {
				t.Fatalf("variables %s: %v", text, err)
			}
		}
	}
	return role, variables
}

func lookUp(t *testing.T, answers map[string]any, path string) any {
	t.Helper()
	var at any = answers
	for part := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(v) {
				t.Fatalf("no %s in an earlier answer", path)
			}
			at = v[i]
		}
		if at == nil {
			t.Fatalf("no %s in an earlier answer", path)
		}
	}
	return at
}

// visible is the answer as stories show it: without what differs from run to run.
func visible(t *testing.T, a *api.Answer) []byte {
	t.Helper()
	shown := map[string]any{"data": decoded(t, a.Data)}
	if len(a.Errors) > 0 {
		// Those of one level come in any order.
		slices.SortStableFunc(a.Errors, func(x, y api.Error) int { return cmp.Compare(fmt.Sprint(x.Path), fmt.Sprint(y.Path)) })
		var errs []any
		for _, e := range a.Errors {
			errs = append(errs, map[string]any{"code": e.Extensions.Code, "path": e.Path, "message": e.Message})
		}
		shown["errors"] = errs
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(shown); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	if len(raw) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
