// Gendocs writes docs/rights.md from the schema and the table of rights. Run from
// the root of the repository.
package main

import (
	"fmt"
	"os"

	"aliaport/graph"
	"aliaport/graph/gen"
)

func main() {
	text := graph.Rights(gen.NewExecutableSchema(gen.Config{}).Schema())
	if err := os.WriteFile("docs/rights.md", []byte(text), 0o644); err != nil { //nolint:gosec // documentation, to be read by all
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
