package user

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent/auditevent"
	"aliaport/ent/notificationdelivery"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

const other = "Yeni-Parola-1"

// mailing is a service that can send e-mails.
func mailing(t *testing.T, db *store.DB) *clocked {
	t.Helper()
	s := newService(t, db)
	s.Resets = Resets{Mail: true, Key: []byte("a key that is not in the database")}
	return s
}

// posted is the token of the newest e-mail.
func (s *clocked) posted(t *testing.T) string {
	t.Helper()
	d := s.DB.NotificationDelivery.Query().Where(notificationdelivery.StatusEQ(notificationdelivery.StatusPending)).WithReset().AllX(t.Context())
	if len(d) == 0 {
		t.Fatal("no e-mail is on its way")
	}
	_, body := s.ResetMail(d[len(d)-1].Edges.Reset, apperr.Turkish)
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); len(line) == 43 && !strings.Contains(line, " ") {
			return line
		}
	}
	t.Fatalf("no token in %q", body)
	return ""
}

func TestAForgottenPasswordIsSetAnewOnceWithinAnHour(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := mailing(t, db)
		u := s.add(t, "deniz@aliaport.example", password, actor.RoleField)
		session, err := s.SignIn(t.Context(), u, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RequestReset(t.Context(), " Deniz@Aliaport.example "); err != nil {
			t.Fatal(err)
		}
		old := s.posted(t)
		if err := s.RequestReset(t.Context(), u.Email); err != nil {
			t.Fatal(err)
		}
		token := s.posted(t)
		if err := s.ResetPassword(t.Context(), token, "short"); !apperr.Is(err, apperr.Validation) {
			t.Errorf("a bad password: %v", err)
		}
		if err := s.ResetPassword(t.Context(), token, other); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Refresh(t.Context(), session.RefreshToken); !apperr.Is(err, apperr.TokenInvalid) {
			t.Errorf("the sessions live on: %v", err)
		}
		if _, err := s.Login(t.Context(), u.Email, other); err != nil {
			t.Errorf("the new password: %v", err)
		}
		if _, err := s.Login(t.Context(), u.Email, password); !apperr.Is(err, apperr.InvalidCredentials) {
			t.Errorf("the old password: %v", err)
		}
		for name, used := range map[string]string{"used": token, "older": old, "made up": "x", "empty": ""} {
			if err := s.ResetPassword(t.Context(), used, password); !apperr.Is(err, apperr.ResetInvalid) {
				t.Errorf("%s token: %v", name, err)
			}
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("password_reset"), auditevent.UserID(u.ID)).CountX(t.Context()); n != 1 {
			t.Errorf("%d lines of the trail", n)
		}
		if err := s.RequestReset(t.Context(), u.Email); err != nil {
			t.Fatal(err)
		}
		late := s.posted(t)
		s.now = s.now.Add(time.Hour)
		if err := s.ResetPassword(t.Context(), late, password); !apperr.Is(err, apperr.ResetInvalid) {
			t.Errorf("after an hour: %v", err)
		}
		s.now = s.now.Add(25 * time.Hour)
		if n, err := s.SweepResets(t.Context()); n != 3 || err != nil {
			t.Errorf("%d swept: %v", n, err)
		}
		if n := db.NotificationDelivery.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d e-mails are left", n)
		}
	})
}

func TestARequestTellsNobodyWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := mailing(t, db)
		s.add(t, "deniz@aliaport.example", password, actor.RoleField)
		gone := s.add(t, "gone@aliaport.example", password, actor.RoleField)
		db.User.UpdateOne(gone).SetIsActive(false).ExecX(t.Context())
		texts := map[string][]string{}
		for _, email := range []string{"deniz@aliaport.example", "nobody@aliaport.example", "gone@aliaport.example"} {
			stats := &store.Stats{}
			if err := s.RequestReset(store.WithStats(t.Context(), stats), email); err != nil {
				t.Errorf("%s: %v", email, err)
			}
			for _, st := range stats.Statements() {
				kind, rest, _ := strings.Cut(st.Text, "(") // values that are null are left out
				_ = rest
				texts[email] = append(texts[email], kind)
			}
		}
		want := strings.Join(texts["deniz@aliaport.example"], ";")
		for email, got := range texts {
			if strings.Join(got, ";") != want || len(got) < 4 {
				t.Errorf("%s takes %q, not %q", email, got, want)
			}
		}
		pending := db.NotificationDelivery.Query().Where(notificationdelivery.StatusEQ(notificationdelivery.StatusPending)).WithUser().OnlyX(t.Context())
		if pending.Edges.User.Email != "deniz@aliaport.example" {
			t.Errorf("an e-mail goes to %s", pending.Edges.User.Email)
		}
		if n := db.PasswordReset.Query().CountX(t.Context()); n != 3 {
			t.Errorf("%d requests", n)
		}
		// The token is not in the database.
		token := s.posted(t)
		for _, r := range db.PasswordReset.Query().AllX(t.Context()) {
			if strings.Contains(r.Nonce+r.TokenHash, token) {
				t.Error("the token is stored")
			}
		}
		s.Resets.Mail = false
		if err := s.RequestReset(t.Context(), "deniz@aliaport.example"); !apperr.Is(err, apperr.MailOff) {
			t.Errorf("without a mail server: %v", err)
		}
	})
}

func TestOfTwoWhoShowATokenAtOnceOneIsLate(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := mailing(t, db)
		u := s.add(t, "deniz@aliaport.example", password, actor.RoleField)
		if err := s.RequestReset(t.Context(), u.Email); err != nil {
			t.Fatal(err)
		}
		token := s.posted(t)
		var g errgroup.Group
		outcomes := make([]error, 4)
		for i := range outcomes {
			g.Go(func() error {
				outcomes[i] = s.ResetPassword(t.Context(), token, other)
				return nil
			})
		}
		_ = g.Wait()
		won := 0
		for _, err := range outcomes {
			switch {
			case err == nil:
				won++
			case !apperr.Is(err, apperr.ResetInvalid):
				t.Error(err)
			}
		}
		if won != 1 || db.User.Query().Where(entuser.ID(u.ID)).OnlyX(t.Context()).Version != u.Version+1 {
			t.Errorf("%d have won", won)
		}
	})
}
