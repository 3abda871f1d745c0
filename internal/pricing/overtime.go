package pricing

import (
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// minutesBetween are the whole minutes from one instant to another; a begun minute
// does not count. An end before the start is VALIDATION_ERROR at the field.
func minutesBetween(field string, from, to time.Time) (decimal.Decimal, error) {
	if to.Before(from) {
		return decimal.Zero, apperr.Invalid(field, apperr.EndFirst)
	}
	return decimal.NewFromInt(int64(to.Sub(from) / time.Minute)), nil
}

// Stay is what a vehicle owes for the time it was inside (araç 4 saat kuralı).
type Stay struct {
	Minutes decimal.Decimal // whole ones, from entry to exit
	Overrun decimal.Decimal // those behind the base time
	Result                  // in the currency of the price; round it for showing
}

// VehicleStay prices a stay at the gate by VEHICLE_4H_RULE: the price covers the base
// time, each whole minute more costs price ÷ base time. It is a preview; what is
// billed comes from Quote with the same minutes.
func VehicleStay(entry, exit time.Time, p Vehicle4HParams, price decimal.Decimal) (Stay, error) {
	minutes, err := minutesBetween("exit", entry, exit)
	if err != nil {
		return Stay{}, err
	}
	r, err := Calculate(Vehicle4H, p, price, Inputs{Minutes: &minutes})
	if err != nil {
		return Stay{}, err
	}
	return Stay{minutes, decimal.Max(decimal.Zero, minutes.Sub(decimal.NewFromInt(p.BaseMinutes))), r}, nil
}

// Overtime is what a work order owes when its people leave the port long after its
// end (mesai aşımı).
type Overtime struct {
	Minutes    decimal.Decimal // whole ones, from the end of the work to the exit
	Hours      decimal.Decimal // above the threshold, to 2 places: the quantity of the line
	money.Line                 // hours × hourly price, and VAT
}

// OvertimeOf prices the time from the actual end of the work to the exit: what lies
// above the threshold, in hours of 2 places, times the hourly price. It returns nil
// where nothing is owed, and a line of before must go.
//
// 390 minutes at a threshold of 4 hours and 100 an hour: 2.50 hours, 250 and 50 VAT.
func OvertimeOf(end, exit time.Time, thresholdHours, hourly, vatRate decimal.Decimal) (*Overtime, error) {
	var faults apperr.Errors
	for _, v := range []struct {
		field string
		value decimal.Decimal
	}{{"thresholdHours", thresholdHours}, {"hourly", hourly}, {"vatRate", vatRate}} {
		if e := money.Check(v.field, v.value, money.PricePlaces); e != nil {
			faults.Add(e)
		} else if v.value.IsNegative() {
			faults.Add(apperr.Invalid(v.field, apperr.NotNegative))
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	minutes, err := minutesBetween("exit", end, exit)
	if err != nil {
		return nil, err
	}
	sixty := decimal.NewFromInt(60)
	hours := minutes.Sub(thresholdHours.Mul(sixty)).DivRound(sixty, money.AmountPlaces)
	if !hours.IsPositive() {
		return nil, nil //nolint:nilnil // nothing is owed
	}
	return &Overtime{minutes, hours, money.PriceLine(hours, hourly, vatRate)}, nil
}
