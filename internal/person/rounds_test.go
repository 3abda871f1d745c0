//go:build !long

package person_test

// rounds is how often a race is run.
const rounds = 20
