package playground

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed examples/*.graphql
var exampleFiles embed.FS

// An Example is a query of the playground's menu, ready to be sent.
type Example struct {
	Name      string            `json:"name"`  // file name without its ending
	Title     string            `json:"title"` // Turkish / English
	Query     string            `json:"query"`
	Variables json.RawMessage   `json:"variables,omitempty"` // a JSON object, or nil
	Headers   map[string]string `json:"headers,omitempty"`
}

// Examples returns the examples in the order of their file names.
func Examples() ([]Example, error) {
	return parseExamples(exampleFiles)
}

func parseExamples(files fs.FS) ([]Example, error) {
	names, err := fs.Glob(files, "examples/*.graphql") // sorted
	if err != nil {
		return nil, err
	}
	examples := make([]Example, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		e, err := parseExample(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e.Name = strings.TrimSuffix(strings.TrimPrefix(name, "examples/"), ".graphql")
		examples = append(examples, e)
	}
	return examples, nil
}

// parseExample reads the comment block a file begins with: "# Title: …", and if
// wanted "# Variables: {…}" and "# Headers: {…}", whose JSON may run on over
// further comment lines. All that follows the block is the query.
func parseExample(text string) (Example, error) {
	fields := map[string]string{}
	key, rest := "", text
	for strings.HasPrefix(rest, "#") {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		if name, value, found := strings.Cut(line, ":"); found && isField(name) {
			key, line = name, value
		}
		if key == "" {
			return Example{}, fmt.Errorf("comment %q stands before any of Title, Variables, Headers", line)
		}
		fields[key] = strings.TrimSpace(fields[key] + "\n" + line)
	}

	e := Example{Title: fields["Title"], Query: strings.TrimSpace(rest) + "\n"}
	if e.Title == "" || strings.Contains(e.Title, "\n") {
		return Example{}, fmt.Errorf("needs a title of one line, has %q", e.Title)
	}
	if strings.TrimSpace(rest) == "" {
		return Example{}, fmt.Errorf("example %q holds no query", e.Title)
	}
	if v, found := fields["Variables"]; found {
		var object map[string]any
		if err := json.Unmarshal([]byte(v), &object); err != nil {
			return Example{}, fmt.Errorf("variables: %w", err)
		}
		e.Variables = json.RawMessage(v)
	}
	if h, found := fields["Headers"]; found {
		if err := json.Unmarshal([]byte(h), &e.Headers); err != nil {
			return Example{}, fmt.Errorf("headers: %w", err)
		}
	}
	return e, nil
}

func isField(name string) bool {
	return name == "Title" || name == "Variables" || name == "Headers"
}
