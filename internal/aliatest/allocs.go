package aliatest

import "testing"

// AllocsAtMost fails when one call allocates more often than so many times. Tests that
// use it cannot be parallel.
func AllocsAtMost(t *testing.T, most float64, what string, call func()) {
	t.Helper()
	got := testing.AllocsPerRun(200, call)
	t.Logf("%s: %g allocations", what, got)
	if got > most {
		t.Errorf("want %g at most", most)
	}
}
