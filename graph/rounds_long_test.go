//go:build long

package graph_test

// How often each race is run: for a step of a work order, for a boat.
const (
	rounds     = 1000
	tripRounds = 1000
)
