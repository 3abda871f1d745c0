// Aliaport is the GraphQL server of a port: `aliaport serve` runs it, the other
// commands look after its database. `aliaport help` lists them.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
