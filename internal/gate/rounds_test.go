//go:build !long

package gate_test

// rounds is how often a race is run.
const rounds = 20
