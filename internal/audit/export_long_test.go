//go:build long

package audit

import "testing"

func TestMemoryOfALongExportDoesNotGrow(t *testing.T) { //nolint:paralleltest // it measures the heap
	memory(t, 500_000, 400)
}
