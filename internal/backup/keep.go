package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"aliaport/internal/calendar"
)

// Retention says which backups are kept: the newest of each of so many days, weeks and
// months, counted back from now.
type Retention struct{ Days, Weeks, Months int }

// Prune removes the backups that the retention does not keep, and returns their names.
// The newest good one always stays, and when there is none, all do.
func (s *Service) Prune(r Retention) (removed []string, err error) {
	for _, dir := range []string{s.Dir, s.Second} {
		if dir == "" {
			continue
		}
		names, err := prune(dir, r, s.Now())
		removed = append(removed, names...)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func prune(dir string, r Retention, now time.Time) (removed []string, err error) {
	all, err := List(dir)
	if err != nil {
		return nil, err
	}
	good := ""
	for _, m := range all {
		if _, err := Verify(filepath.Join(dir, m.Name)); err == nil {
			good = m.Name
			break
		}
	}
	if good == "" {
		return nil, nil
	}
	keep := kept(all, r, now)
	for _, m := range all {
		if keep[m.Name] || m.Name == good {
			continue
		}
		// First the name, so that what is half removed does not look like a backup.
		gone := filepath.Join(dir, partial+m.Name)
		if err := os.Rename(filepath.Join(dir, m.Name), gone); err != nil {
			return removed, err
		}
		if err := os.RemoveAll(gone); err != nil {
			return removed, err
		}
		removed = append(removed, m.Name)
	}
	return removed, nil
}

// kept are the backups that the retention keeps, of a list with the newest first.
func kept(all []*Manifest, r Retention, now time.Time) map[string]bool {
	keep, seen := map[string]bool{}, map[string]bool{}
	today := calendar.Day(now)
	for _, m := range all {
		day := calendar.Day(m.TakenAt)
		year, week := day.ISOWeek()
		for period, within := range map[string]bool{
			"day " + day.Format(time.DateOnly):    day.After(today.AddDate(0, 0, -r.Days)),
			fmt.Sprintf("week %d-%d", year, week): day.After(today.AddDate(0, 0, -7*r.Weeks)),
			"month " + day.Format("2006-01"):      day.After(today.AddDate(0, -r.Months, 0)),
		} {
			if within && !seen[period] {
				seen[period], keep[m.Name] = true, true
			}
		}
	}
	return keep
}
