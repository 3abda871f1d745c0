// Gengraph generates the server of the API from schema/ and gqlgen.yml, as `gqlgen
// generate` does, and beside it the writers of compiled selections: a function for
// each field of each type, see graph/compiled.
//
//	go run ./graph/gengraph
package main

import (
	"fmt"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	c, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		return fmt.Errorf("read gqlgen.yml: %w", err)
	}
	return api.Generate(c, api.AddPlugin(writers{}))
}
