//go:build long

package archive

import "testing"

func TestALongYearComesBackByteForByte(t *testing.T) {
	t.Parallel()
	aYear(t, 120_000)
}
