package parameter

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent/parameter"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// invalid refuses the value of a parameter.
func invalid(reason apperr.Text, params ...any) *apperr.Error {
	return apperr.Invalid("value", reason, params...)
}

// checkValue holds a value to the type of its parameter.
func checkValue(typ parameter.DataType, value string) (e *apperr.Error) {
	switch typ {
	case parameter.DataTypeString:
		e = checkText(value)
	case parameter.DataTypeNumber:
		_, e = parseNumber(value, money.Max.Neg(), money.Max)
	case parameter.DataTypeBoolean:
		_, e = parseBool(value)
	case parameter.DataTypeJson:
		if !json.Valid([]byte(value)) {
			e = invalid(apperr.JSONText)
		}
	case parameter.DataTypeTime:
		_, e = parseClock(value)
	case parameter.DataTypeDate:
		_, e = parseDate(value)
	}
	return e
}

func checkText(s string) *apperr.Error {
	if strings.TrimSpace(s) == "" {
		return invalid(apperr.Required)
	}
	return nil
}

func parseBool(s string) (bool, *apperr.Error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, invalid(apperr.NotATruthValue)
}

func parseNumber(s string, least, most decimal.Decimal) (decimal.Decimal, *apperr.Error) {
	const longest = 30
	if len(s) > longest {
		return decimal.Decimal{}, invalid(apperr.NotANumber)
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() < -longest || d.Exponent() > longest {
		return decimal.Decimal{}, invalid(apperr.NotANumber)
	}
	if d.LessThan(least) || d.GreaterThan(most) {
		return decimal.Decimal{}, invalid(apperr.OutOfRange, "min", least, "max", most)
	}
	return d, nil
}

func parseClock(s string) (Clock, *apperr.Error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, invalid(apperr.ClockTime)
	}
	return Clock(t.Hour()*60 + t.Minute()), nil
}

func parseDate(s string) (calendar.Date, *apperr.Error) {
	d, err := calendar.ParseDate(s)
	if err != nil {
		return d, invalid(apperr.DateDay)
	}
	return d, nil
}
