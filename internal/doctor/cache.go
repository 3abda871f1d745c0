package doctor

import (
	"context"
	"strings"

	"entgo.io/ent/dialect"

	"aliaport/internal/cache"
)

// generations looks for the triggers that tell the servers' caches of changes.
func (r *report) generations(ctx context.Context, db database) {
	const name = "cache"
	kind := dialect.Postgres
	if r.cfg.IsSQLite() {
		kind = dialect.SQLite
	}
	missing, err := cache.Untriggered(ctx, db, kind)
	switch {
	case err != nil:
		r.add(name, Warn, "the triggers were not looked at: "+oneLine(err), "look again when the database is less busy")
	case len(missing) > 0:
		r.add(name, Fail, "triggers are missing or off, so that changes would go unnoticed: "+strings.Join(missing, ", "),
			"serve with ALIAPORT_CACHE=off, and make them again as the migration cache_generations does")
	default:
		r.ok(name, "changes to all cached tables are noticed")
	}
}
