package graph_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/audit"
	"aliaport/internal/audit/archive"
	"aliaport/internal/store"
)

// archives makes rows of archived months without their files.
func archives(t *testing.T, db *store.DB, n int) {
	t.Helper()
	seal := fmt.Sprintf("%064d", 1)
	for i := range n {
		db.AuditArchive.Create().SetPosition(i + 1).SetMonth("2025-01").SetPart(i + 1).SetRows(1).SetFirstEventID(1).SetLastEventID(1).
			SetFirstEventAt(api.Start).SetLastEventAt(api.Start).SetSha256(seal).SetFileName(fmt.Sprintf("audit-2025-01.%d.jsonl.zst", i+1)).
			SetFileBytes(100).SetFileSha256(seal).SetPreviousSeal("").SetSeal(seal).SetSealedAt(api.Start).SetRemovedAt(api.Start).ExecX(t.Context())
	}
}

func TestAuditArchivesTellWhatWasSealed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db)
		for i, at := range []string{"2025-10-01T00:00:00Z", "2025-10-31T23:59:59Z", "2025-11-15T12:00:00Z", "2026-02-28T00:00:00Z"} {
			when, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			ctx := actor.WithRequest(t.Context(), &actor.Request{ID: fmt.Sprintf("eski-%d", i), Method: "JOB"})
			if err := db.InTx(ctx, func(tx *ent.Tx) error {
				return audit.Record(ctx, tx, when, audit.Event{Action: audit.Create, Resource: audit.Cari, EntityID: 1})
			}); err != nil {
				t.Fatal(err)
			}
		}
		s := &archive.Service{DB: db, Now: server.Clock.Now, Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(), Retention: 90 * 24 * time.Hour}
		system := actor.With(t.Context(), actor.System("archive"))
		done, err := s.Run(system, nil)
		if err != nil || len(done) != 2 {
			t.Fatalf("archived %v, error %v", done, err)
		}
		if _, err := s.Verify(system, ""); err != nil {
			t.Fatal(err)
		}
		const query = `query Archives($after: String) { auditArchives(first: 1, after: $after) { totalCount pageInfo { hasNextPage endCursor }
			nodes { id position month part rows firstEventId lastEventId firstEventAt lastEventAt sha256 fileName fileBytes fileSha256 previousSeal seal sealedAt removedAt verifiedAt fault } } }`
		type segment struct {
			ID, Month, FirstEventID, LastEventID, Sha256, FileName, PreviousSeal, Seal string
			Position, Part, Rows                                                       int
			FirstEventAt                                                               time.Time
			RemovedAt, VerifiedAt                                                      *time.Time
			Fault                                                                      *string
		}
		var page struct {
			AuditArchives struct {
				TotalCount int
				PageInfo   struct {
					HasNextPage bool
					EndCursor   string
				}
				Nodes []segment
			}
		}
		server.Get(t, api.Admin, query, nil, &page)
		newest := page.AuditArchives.Nodes[0]
		if page.AuditArchives.TotalCount != 2 || !page.AuditArchives.PageInfo.HasNextPage || newest.Month != "2025-11" || newest.Position != 2 || newest.Rows != 1 ||
			newest.Seal != done[1].Seal || newest.PreviousSeal != done[0].Seal || newest.RemovedAt == nil || newest.VerifiedAt == nil || newest.Fault != nil {
			t.Errorf("first page %+v", page)
		}
		server.Get(t, api.Admin, query, map[string]any{"after": page.AuditArchives.PageInfo.EndCursor}, &page)
		oldest := page.AuditArchives.Nodes[0]
		if oldest.Month != "2025-10" || oldest.Rows != 2 || oldest.FirstEventID == oldest.LastEventID || oldest.FirstEventAt.Format(time.DateOnly) != "2025-10-01" || oldest.PreviousSeal != "" {
			t.Errorf("second page %+v", page)
		}
		// The deed leads to the segment.
		var trail struct {
			AuditEvents struct {
				Nodes []struct{ EntityID string }
			}
			Node struct{ Seal string }
		}
		server.Get(t, api.Admin, `query Deeds($id: ID!) { auditEvents(filter: {resource: "audit_archive"}) { nodes { entityId } } node(id: $id) { ... on AuditArchive { seal } } }`,
			map[string]any{"id": newest.ID}, &trail)
		if len(trail.AuditEvents.Nodes) != 4 || trail.AuditEvents.Nodes[0].EntityID != newest.ID || trail.Node.Seal != newest.Seal {
			t.Errorf("trail %+v", trail)
		}
		for _, role := range []string{"", actor.RoleReadOnly} {
			if answer := server.Do(t, role, query, nil); len(answer.Errors) != 1 || answer.Status != http.StatusOK {
				t.Errorf("%q: %s", role, answer.Body)
			}
		}
	})
}
