// Gendocs writes the table of settings into README.md. Run from the root of the
// repository.
package main

import (
	"fmt"
	"os"

	"aliaport/internal/config"
)

func main() {
	const readme = "README.md"
	text, err := os.ReadFile(readme)
	if err == nil {
		var anew string
		if anew, err = config.InsertTable(string(text)); err == nil {
			err = os.WriteFile(readme, []byte(anew), 0o644) //nolint:gosec // documentation, to be read by all
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "README.md:", err)
		os.Exit(1)
	}
}
