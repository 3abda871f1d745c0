//go:build long

package graph_test

// tripRounds is how often each race for a boat is run.
const tripRounds = 1000
