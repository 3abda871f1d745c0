package report

import (
	"time"

	"github.com/shopspring/decimal"
)

// Content is what a report says. It is kept as JSON with these names.
type Content struct {
	Month       string    `json:"month"`
	Version     int       `json:"version"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	GeneratedAt time.Time `json:"generatedAt"`

	Headline Headline `json:"headline"`
	// Previous are the same figures of the month before.
	Previous Headline `json:"previous"`

	ByStatus   []Count `json:"byStatus"`
	ByPriority []Count `json:"byPriority"`
	ByType     []Count `json:"byType"`
	ByDay      []Count `json:"byDay"` // orders created, by day in Istanbul

	Approval Duration `json:"approval"` // from submitted to approved, of approvals in the month
	Work     Duration `json:"work"`     // from start to end, of orders completed in the month
	// OnTime are the orders completed in the month by their planned end.
	OnTime OnTime `json:"onTime"`
	// Overdue are the orders whose planned end had passed at the end of the month without their work being done.
	Overdue int64 `json:"overdue"`

	Created    Value `json:"created"`    // value of the orders created in the month and neither rejected nor cancelled
	Invoiced   Value `json:"invoiced"`   // of those invoiced in it
	Uninvoiced Value `json:"uninvoiced"` // of those completed by its end and not invoiced by then

	Adjustments []Adjustment `json:"adjustments"` // surcharges and discounts of the orders created in the month

	TopPartners []Top `json:"topPartners"`
	TopServices []Top `json:"topServices"`

	Trips Trips `json:"trips"`
	Gate  Gate  `json:"gate"`
}

// Headline are the figures that are compared with the month before.
type Headline struct {
	Created     int64           `json:"created"`
	Submitted   int64           `json:"submitted"`
	Approved    int64           `json:"approved"`
	Rejected    int64           `json:"rejected"`
	Completed   int64           `json:"completed"`
	Invoiced    int64           `json:"invoiced"`
	Closed      int64           `json:"closed"`
	Cancelled   int64           `json:"cancelled"`
	NetTRY      decimal.Decimal `json:"netTry"` // of the orders created, as in Content.Created
	Trips       int64           `json:"trips"`
	GateEntries int64           `json:"gateEntries"`
}

// Count is how many there are of something.
type Count struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// Duration sums up times in seconds. Mean and P90 are null when there is nothing.
type Duration struct {
	Count int64  `json:"count"`
	Mean  *int64 `json:"meanSeconds"`
	P90   *int64 `json:"p90Seconds"` // nine of ten took at most so long
}

// OnTime is how many were done in time.
type OnTime struct {
	Planned int64            `json:"planned"` // completed, with a planned end
	InTime  int64            `json:"inTime"`
	Percent *decimal.Decimal `json:"percent"` // null when none had a planned end
}

// Value is money by currency, and in TRY.
type Value struct {
	Orders     int64      `json:"orders"`
	ByCurrency []Currency `json:"byCurrency"`
	// NetTRY and GrandTRY are of the orders that have a value in TRY; WithoutTRY is how many have none.
	NetTRY     decimal.Decimal `json:"netTry"`
	GrandTRY   decimal.Decimal `json:"grandTry"`
	WithoutTRY int64           `json:"withoutTry"`
}

// Currency is money in one currency.
type Currency struct {
	Currency string          `json:"currency"`
	Orders   int64           `json:"orders"`
	Net      decimal.Decimal `json:"net"`
	VAT      decimal.Decimal `json:"vat"`
	Grand    decimal.Decimal `json:"grand"`
}

// Adjustment sums up surcharges or discounts of a kind in a currency.
type Adjustment struct {
	Kind     string          `json:"kind"`
	Currency string          `json:"currency"`
	Count    int64           `json:"count"`
	Amount   decimal.Decimal `json:"amount"` // negative for discounts
}

// Top is one of the ten with the most value in TRY.
type Top struct {
	Code  string          `json:"code"`
	Name  string          `json:"name"`
	Count int64           `json:"count"` // orders of a partner, lines of a service
	TRY   decimal.Decimal `json:"netTry"`
}

// Trips of the month, by when they began.
type Trips struct {
	Count     int64  `json:"count"`
	Cancelled int64  `json:"cancelled"`
	Returned  int64  `json:"returned"`
	Mean      *int64 `json:"meanSeconds"` // of those that returned
	Delayed   int64  `json:"delayed"`     // left or came back later than planned and allowed
}

// Gate of the month: entries in it, and stays that ended in it.
type Gate struct {
	Entries        int64 `json:"entries"`
	Persons        int64 `json:"persons"`
	Vehicles       int64 `json:"vehicles"`
	Exceptions     int64 `json:"exceptions"`
	OverVehicles   int64 `json:"overVehicles"`   // that stayed longer than the fee covers
	OverrunMinutes int64 `json:"overrunMinutes"` // beyond it
}
