package proof_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/proof"
)

// TestEveryTableOfTheSchemaIsProven: a new table or type is seen here first.
func TestEveryTableOfTheSchemaIsProven(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{"cache_generations": true, "work_order_counts": true, "read_only_state": true}
	for _, table := range proof.Tables() {
		for _, r := range table.References {
			if !seen[r.Table] && r.Table != table.Name {
				t.Errorf("%s comes before %s, which it refers to", table.Name, r.Table)
			}
		}
		seen[table.Name] = true
	}
	db := aliatest.Open(t, dialect.SQLite)
	for _, row := range aliatest.Rows(t, db.Reader(), "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'atlas_schema_revisions' AND name NOT LIKE 'river_%'") {
		if !seen[row[0]] {
			t.Errorf("table %s is not proven", row[0])
		}
	}
}
