//go:build long

package worklog_test

// rounds is how often a race is run.
const rounds = 1000
