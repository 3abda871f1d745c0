package doctor_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/doctor"
)

// segment is a row of the archive as both databases take it.
func segment(position int, removed, verified, fault string) string {
	return fmt.Sprintf(`INSERT INTO audit_archives (position, month, part, rows, first_event_id, last_event_id, first_event_at, last_event_at, sha256, file_name,
		file_bytes, file_sha256, previous_seal, seal, sealed_at, removed_at, verified_at, fault) VALUES (%d, '2025-01', %d, 1, 1, 1, '2025-01-01 00:00:00+00:00',
		'2025-01-01 00:00:00+00:00', 'x', 'audit-2025-01.jsonl.zst', 1, 'x', '', 'x', '2025-05-01 00:00:00+00:00', %s, %s, %s)`, position, position, removed, verified, fault)
}

func event(at time.Time) string {
	return `INSERT INTO audit_events (roles, method, path, action, resource, outcome, status_code, duration_ms, request_id, created_at)
		VALUES ('', 'CLI', '-', 'create', 'cari', 'OK', 200, 0, '', '` + at.UTC().Format("2006-01-02 15:04:05.000000+00:00") + `')`
}

func TestWhatIsWrongWithTheArchiveIsFound(t *testing.T) {
	t.Parallel()
	const then = "'2025-05-01 00:00:00+00:00'"
	for name, tt := range map[string]struct {
		causes []string
		env    func(t *testing.T) []string
		want   want
	}{
		"nothing, and nothing is archived": {want: want{"audit archive", doctor.OK, "nothing is archived yet"}},
		"nothing, and all is sound":        {causes: []string{segment(1, then, then, "NULL")}, want: want{"audit archive", doctor.OK, "1 segments, sound"}},
		"nothing, and nobody has verified": {causes: []string{segment(1, then, "NULL", "NULL")}, want: want{"audit archive", doctor.OK, "not all verified"}},
		"events that are young enough":     {causes: []string{event(time.Now().AddDate(0, 0, -89))}, want: want{"audit archive", doctor.OK, ""}},
		"a verification that failed":       {causes: []string{segment(1, then, then, "NULL"), segment(2, then, then, "'missing'")}, want: want{"audit archive", doctor.Warn, "1 of 2 segments at fault, such as audit-2025-01.jsonl.zst: missing"}},
		"a run that was interrupted":       {causes: []string{segment(1, "NULL", "NULL", "NULL")}, want: want{"audit archive", doctor.Warn, "interrupted"}},
		"events that nobody archives":      {causes: []string{event(time.Now().AddDate(0, 0, -140))}, want: want{"audit archive", doctor.Warn, "are still in the database"}},
		"a file in place of the folder":    {env: func(t *testing.T) []string { t.Helper(); return []string{"ALIAPORT_AUDIT_ARCHIVE_DIR=/dev/null/audit"} }, want: want{"audit archive", doctor.Warn, "cannot be written"}},
		"a folder that can be made is fine": {env: func(t *testing.T) []string {
			t.Helper()
			return []string{"ALIAPORT_AUDIT_ARCHIVE_DIR=" + filepath.Join(t.TempDir(), "a", "b")}
		}, want: want{"audit archive", doctor.OK, ""}},
	} {
		for db, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
			t.Run(name+"/"+db, func(t *testing.T) {
				t.Parallel()
				url := aliatest.MigratedURL(t, dialectName)
				opened := aliatest.OpenURL(t, url)
				for _, stmt := range tt.causes {
					if _, err := opened.Writer().ExecContext(t.Context(), stmt); err != nil {
						t.Fatal(err)
					}
				}
				env := []string{"ALIAPORT_DATABASE_URL=" + url, "ALIAPORT_AUDIT_ARCHIVE_DIR=" + t.TempDir()}
				if tt.env != nil {
					env = append(env[:1], tt.env(t)...)
				}
				expect(t, check(t, nil, env...), tt.want)
			})
		}
	}
}
