//go:build !long

package tariff_test

// rounds is how often a race is run.
const rounds = 20
