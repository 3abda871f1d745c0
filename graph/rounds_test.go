//go:build !long

package graph_test

// How often each race is run: for a step of a work order, for a boat.
const (
	rounds     = 50
	tripRounds = 20
)
