package pricing_test

import (
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/pricing"
)

func TestPricingALineCostsFewAllocations(t *testing.T) {
	r := asked(t, "80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "TRY", "20", "USD 34.50")
	aliatest.AllocsAtMost(t, 340, "the price of a line", func() {
		if _, err := pricing.Quote(r); err != nil {
			t.Fatal(err)
		}
	})
}
