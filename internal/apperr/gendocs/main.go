// Gendocs writes what is generated from the table of error codes: docs/errors.md
// and schema/error_codes.graphql. Run from the root of the repository.
package main

import (
	"fmt"
	"os"

	"aliaport/internal/apperr"
)

func main() {
	for path, text := range map[string]string{
		"docs/errors.md":             apperr.Markdown(),
		"schema/error_codes.graphql": apperr.SDL(),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // documentation, to be read by all
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
