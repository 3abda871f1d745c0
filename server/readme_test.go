package server_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
)

// body finds what a curl command of the README sends.
var body = regexp.MustCompile(`(?s)-d '(\{.*?\})'`)

func TestTheQueriesOfTheREADMEWork(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	bodies := body.FindAllSubmatch(readme, -1)
	if len(bodies) < 2 {
		t.Fatalf("%d queries found", len(bodies))
	}
	a := api.New(t, aliatest.Open(t, "sqlite3"))
	for _, b := range bodies {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(b[1]))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+a.Token(api.Admin))
		if answer := a.Send(t, r); len(answer.Errors) > 0 || answer.Status != http.StatusOK {
			t.Errorf("%s: %s", b[1], answer.Body)
		}
	}
}
