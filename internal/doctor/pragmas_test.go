package doctor

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// The store never opens such connections, so they are made here.
func TestUnsafeConnectionsAreFound(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings          string
		keys, synchronous Status
	}{
		"all is safe":                {"_foreign_keys=on&_synchronous=FULL", OK, OK},
		"safer still":                {"_foreign_keys=on&_synchronous=EXTRA", OK, OK},
		"foreign keys are off":       {"_foreign_keys=off&_synchronous=FULL", Fail, OK},
		"commits are not waited for": {"_foreign_keys=on&_synchronous=NORMAL", OK, Warn},
		"nothing is waited for":      {"_foreign_keys=on&_synchronous=OFF", OK, Fail},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "a.db")+"?"+tt.settings)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			found := pragmas(t.Context(), db)
			if len(found) != 2 || found[0].Status != tt.keys || found[1].Status != tt.synchronous {
				t.Errorf("found %+v", found)
			}
		})
	}
}
