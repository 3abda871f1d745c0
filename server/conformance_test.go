package server_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vektah/gqlparser/v2/formatter"

	"aliaport/graph/gen"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
)

// node runs a program of the conformance folder and returns what it prints.
func node(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	if _, err := os.Stat("conformance/node_modules"); err != nil {
		t.Fatalf("the conformance tools are not installed, run `make setup`: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %v: %v\n%s%s", args, err, out, stderr.Bytes())
	}
	return out
}

// audits is how many audits graphql-http has; a new version with more must be looked at.
const audits = 61

func TestGraphQLOverHTTPAuditsPass(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, "sqlite3"))
	web := httptest.NewServer(a.Server.Handler())
	defer web.Close()
	passed := 0
	lines := bufio.NewScanner(bytes.NewReader(node(t, "conformance", "audits.mjs", web.URL+"/graphql", a.Token(api.Admin))))
	for lines.Scan() {
		var audit struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &audit); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if audit.Status == "ok" {
			passed++
			continue
		}
		t.Errorf("%s %s: %s %s", audit.ID, audit.Name, audit.Status, audit.Reason)
	}
	if passed != audits {
		t.Errorf("%d audits passed, not %d", passed, audits)
	}
}

// TestRelayCompilerAcceptsTheSchema compiles a paginated fragment, so that the
// compiler looks for every part of a connection.
func TestRelayCompilerAcceptsTheSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var sdl bytes.Buffer
	formatter.NewFormatter(&sdl).FormatSchema(gen.NewExecutableSchema(gen.Config{}).Schema())
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("schema.graphql", sdl.String())
	write("relay.config.json", `{"src": ".", "language": "javascript", "schema": "schema.graphql", "customScalarTypes": {"Decimal": "string", "DateTime": "string"}}`)
	write("Orders.js", "graphql`fragment Orders_query on Query @argumentDefinitions(count: {type: \"Int\", defaultValue: 50}, cursor: {type: \"String\"}) @refetchable(queryName: \"OrdersPage\") {"+
		" workOrders(first: $count, after: $cursor) @connection(key: \"Orders_workOrders\") { edges { node { id woNumber cari { id title } items { id service { name } } } } } }`;\n"+
		"graphql`query OrdersQuery($id: ID!) { ...Orders_query node(id: $id) { ... on WorkOrder { subject } } }`;\n")
	bin, err := filepath.Abs("conformance/node_modules/relay-compiler/cli.js")
	if err != nil {
		t.Fatal(err)
	}
	node(t, dir, bin)
	made, err := filepath.Glob(filepath.Join(dir, "__generated__", "*"))
	if err != nil || len(made) < 3 {
		t.Errorf("the compiler made %v: %v", made, err)
	}
}
