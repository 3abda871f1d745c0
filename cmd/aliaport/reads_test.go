package main

import (
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent/auditevent"
	"aliaport/internal/aliatest"
)

// readers sign in and ask n times for the trail; it returns the process.
func readers(t *testing.T, url string, n int) *served {
	t.Helper()
	p := startOn(t, url, freePort(t), freePort(t))
	var in struct{ Login struct{ AccessToken string } }
	if err := p.ask(t.Context(), "", "giris-0001", `mutation($input: LoginInput!) { login(input: $input) { accessToken userErrors { code } } }`,
		map[string]any{"input": map[string]any{"email": "admin@aliaport.example", "password": killPassword}}, &in); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var found struct{ AuditEvents struct{ TotalCount int } }
		if err := p.ask(t.Context(), in.Login.AccessToken, fmt.Sprintf("arama-%04d", i), `{ auditEvents { totalCount } }`, nil, &found); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func onBoth(t *testing.T, do func(t *testing.T, url string)) {
	t.Helper()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(t, aliatest.MigratedURL(t, dialectName))
		})
	}
}

func TestReadsAreWrittenBeforeTheServerStops(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		const asked = 30
		p := readers(t, url, asked)
		p.end(t) // long before the second is over that reads may wait
		if n := aliatest.OpenURL(t, url).AuditEvent.Query().Where(auditevent.Action("read")).CountX(t.Context()); n != asked {
			t.Errorf("%d reads are in the trail, want %d", n, asked)
		}
	})
}

func TestAKilledServerLosesTheReadsOfTheLastSecondAtMost(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url string) {
		const asked = 30
		p := readers(t, url, asked)
		time.Sleep(3 * time.Second) // what is older than a second is written
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.drained
		_ = p.cmd.Wait() // it was killed
		db := aliatest.OpenURL(t, url)
		if n := db.AuditEvent.Query().Where(auditevent.Action("read")).CountX(t.Context()); n != asked {
			t.Errorf("%d reads are in the trail, want %d", n, asked)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("login")).CountX(t.Context()); n != 1 {
			t.Errorf("%d sign-ins are in the trail", n)
		}
	})
}
