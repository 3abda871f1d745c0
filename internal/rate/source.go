package rate

import (
	"context"
	"fmt"

	"aliaport/internal/calendar"
)

// Source is where bulletins come from: the central bank's site.
type Source interface {
	// Latest is the newest bulletin.
	Latest(ctx context.Context) (*Bulletin, error)
	// Of is the bulletin of a day; a SourceError with NoBulletin where the bank
	// published none, as on weekends and holidays.
	Of(ctx context.Context, day calendar.Date) (*Bulletin, error)
}

// SourceFault says why there is no bulletin.
type SourceFault string

// Faults of a source. Only NoBulletin is not cured by trying again later.
const (
	NoBulletin  SourceFault = "no_bulletin" // none was published that day
	Unreachable SourceFault = "unreachable" // no answer, or it broke off
	TimedOut    SourceFault = "timeout"
	BadStatus   SourceFault = "status"   // it answered with an error
	Misled      SourceFault = "redirect" // it sent us elsewhere, or in circles
	TooLarge    SourceFault = "too_large"
	Unreadable  SourceFault = "unreadable" // an answer, but no bulletin
	OtherDay    SourceFault = "other_day"  // a bulletin, but of a day not asked for
)

// SourceError is a failed attempt to get a bulletin.
type SourceError struct {
	Fault SourceFault
	Err   error
}

func (e *SourceError) Error() string { return fmt.Sprintf("rate source: %s: %v", e.Fault, e.Err) }

func (e *SourceError) Unwrap() error { return e.Err }
