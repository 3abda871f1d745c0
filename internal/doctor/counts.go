package doctor

import (
	"context"
	"fmt"

	"aliaport/internal/workorder"
)

// counts compares what is kept counted with the rows.
func (r *report) counts(ctx context.Context, db database) {
	wrong, err := workorder.Miscounts(ctx, db)
	switch {
	case err != nil:
		r.add("counts", Warn, "the kept counts were not compared: "+oneLine(err), "look again when the database is less busy")
	case len(wrong) > 0:
		m := wrong[0]
		r.add("counts", Fail, fmt.Sprintf("%d statuses of work orders are miscounted, such as %s: %d are kept, %d are there", len(wrong), m.Status, m.Kept, m.Counted),
			"run aliaport repair")
	default:
		r.ok("counts", "the kept counts are those of the work orders")
	}
}
