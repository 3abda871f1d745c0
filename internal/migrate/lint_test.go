package migrate_test

import (
	"slices"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/migrate"
)

// devURL is where throw-away databases may be made.
func devURL(t *testing.T, dialect string) string {
	t.Helper()
	if dialect == migrate.SQLite {
		return ""
	}
	return aliatest.PostgresURL(t)
}

func TestLintFindsWhatLosesDataUnlessItIsMeant(t *testing.T) {
	t.Parallel()
	const named = "CREATE TABLE boats (id integer NOT NULL PRIMARY KEY, name text NULL);\n"
	drop := sqlFile{crews.name, "DROP TABLE boats;\n"}
	tests := map[string]struct {
		files []sqlFile
		n     int
		want  []string
	}{
		"new tables are harmless":          {[]sqlFile{boats, crews}, 0, nil},
		"a dropped table":                  {[]sqlFile{boats, drop}, 1, []string{"DS102"}},
		"a dropped column":                 {[]sqlFile{{boats.name, named}, {crews.name, "ALTER TABLE boats DROP COLUMN name;\n"}}, 1, []string{"DS103"}},
		"a unique index over rows":         {[]sqlFile{{boats.name, named}, {crews.name, "CREATE UNIQUE INDEX n ON boats (name);\n"}}, 1, []string{"MF101"}},
		"only the newest files are judged": {[]sqlFile{boats, drop, piers}, 1, nil},
		"all files are judged for 0":       {[]sqlFile{boats, drop, piers}, 0, []string{"DS102"}},
		"nolint on the statement":          {[]sqlFile{boats, {crews.name, "-- atlas:nolint\nDROP TABLE boats;\n"}}, 1, nil},
		"nolint of the code":               {[]sqlFile{boats, {crews.name, "-- atlas:nolint DS102\nDROP TABLE boats;\n"}}, 1, nil},
		"nolint of another code":           {[]sqlFile{boats, {crews.name, "-- atlas:nolint MF101\nDROP TABLE boats;\n"}}, 1, []string{"DS102"}},
		"nolint on the file":               {[]sqlFile{boats, {crews.name, "-- atlas:nolint DS102\n\nCREATE TABLE x (id integer);\nDROP TABLE boats;\n"}}, 1, nil},
		"nolint on another statement":      {[]sqlFile{boats, {crews.name, "-- atlas:nolint\nCREATE TABLE x (id integer);\nDROP TABLE boats;\n"}}, 1, []string{"DS102"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dialect := range []string{migrate.SQLite, migrate.Postgres} {
				found, err := migrate.Lint(t.Context(), dialect, directory(t, tt.files...), devURL(t, dialect), tt.n)
				if err != nil {
					t.Fatalf("%s: %v", dialect, err)
				}
				var codes []string
				for _, f := range found {
					codes = append(codes, f.Code)
				}
				if !slices.Equal(codes, tt.want) {
					t.Errorf("%s: found %v, want %v", dialect, found, tt.want)
				}
			}
		})
	}
}

func TestAFindingNamesFileAndLine(t *testing.T) {
	t.Parallel()
	drop := sqlFile{crews.name, "CREATE TABLE x (id integer);\n-- gone\nDROP TABLE boats;\n"}
	found, err := migrate.Lint(t.Context(), migrate.SQLite, directory(t, boats, drop), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].String() != crews.name+`:3: DS102: Dropping table "boats"` {
		t.Errorf("found %v", found)
	}
}

func TestLintRefusesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	_, err := migrate.Lint(t.Context(), migrate.SQLite, directory(t, boats, sqlFile{crews.name, "\nDROP TABEL boats;\n"}), "", 1)
	refused(t, err, nil, crews.name, "line 2", "DROP TABEL")
	_, err = migrate.Lint(t.Context(), migrate.Postgres, directory(t, boats), "", 1)
	refused(t, err, nil, "needs the URL of a server")
}
