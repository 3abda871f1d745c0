package user

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/permission"
	"aliaport/ent/role"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// clocked is a service whose clock stands still until it is moved.
type clocked struct {
	*Service

	now time.Time
}

func newService(t *testing.T, db *store.DB) *clocked {
	t.Helper()
	s := &clocked{now: noon}
	ts := tokens()
	ts.Now = func() time.Time { return s.now }
	s.Service = &Service{DB: db, Now: ts.Now, Hasher: NewHasher(), Tokens: ts, RefreshLifetime: 7 * 24 * time.Hour}
	if err := s.EnsureRights(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

const password = "Rıhtım-35"

func (s *clocked) add(t *testing.T, email, pw, roleName string) *ent.User {
	t.Helper()
	u, err := s.Add(t.Context(), email, "Deniz", pw, roleName)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// rights is what the database says that roles may do.
func rights(t *testing.T, db *store.DB) map[string][]actor.Permission {
	t.Helper()
	all := map[string][]actor.Permission{}
	for _, r := range db.Role.Query().WithPermissions().AllX(t.Context()) {
		list := []actor.Permission{}
		for _, p := range r.Edges.Permissions {
			list = append(list, actor.Permission(p.Name))
		}
		slices.Sort(list)
		all[r.Name] = list
	}
	return all
}

func TestEnsureRights(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		first := rights(t, db)
		for name, list := range actor.RolePermissions {
			if got := first[name]; !slices.Equal(got, slices.Sorted(slices.Values(list))) {
				t.Errorf("%s may %v", name, got)
			}
		}
		if n := db.Role.Query().Where(role.IsSystem(true)).CountX(t.Context()); n != len(actor.RoleNames) {
			t.Errorf("%d built-in roles", n)
		}
		before := db.Role.Query().Order(role.ByID()).AllX(t.Context())
		if err := s.EnsureRights(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, "a second time", rights(t, db), first)
		for i, r := range db.Role.Query().Order(role.ByID()).AllX(t.Context()) {
			if r.ID != before[i].ID || !r.UpdatedAt.Equal(before[i].UpdatedAt) {
				t.Errorf("the second time changed %s", r.Name)
			}
		}
	})
}

func same(t *testing.T, when string, got, want map[string][]actor.Permission) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d roles, want %d", when, len(got), len(want))
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %s may %v, want %v", when, name, got[name], want[name])
		}
	}
}

func TestEnsureRightsKeepsWhatAnAdministratorChanged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		ctx := t.Context()
		// One role edited, one made, one lost, and one right that is new to the database.
		edited := db.Role.Query().Where(role.Name(actor.RoleGate)).OnlyX(ctx)
		cariRead := db.Permission.Query().Where(permission.Name("cari:read")).OnlyX(ctx)
		db.Role.UpdateOne(edited).ClearPermissions().AddPermissions(cariRead).ExecX(ctx)
		db.Role.Create().SetName("LIMAN_BASKANI").AddPermissions(cariRead).ExecX(ctx)
		db.Role.DeleteOneID(db.Role.Query().Where(role.Name(actor.RoleField)).OnlyIDX(ctx)).ExecX(ctx)
		db.Permission.DeleteOneID(db.Permission.Query().Where(permission.Name("cache:flush")).OnlyIDX(ctx)).ExecX(ctx)
		want := rights(t, db)
		want[actor.RoleAdmin] = slices.Sorted(slices.Values(append(want[actor.RoleAdmin], actor.CacheFlush))) // it is for nobody else
		want[actor.RoleField] = slices.Sorted(slices.Values(actor.RolePermissions[actor.RoleField]))
		if err := s.EnsureRights(ctx); err != nil {
			t.Fatal(err)
		}
		same(t, "afterwards", rights(t, db), want)
		if n := db.Permission.Query().CountX(ctx); n != len(actor.Permissions) {
			t.Errorf("%d permissions, want %d", n, len(actor.Permissions))
		}
	})
}

func TestEnsureAdminMakesOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		password  string
		generated bool
	}{
		"with a password of the operator's": {password, false},
		"with a generated password":         {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				s := newService(t, db)
				generated, err := s.EnsureAdmin(t.Context(), " Admin@Aliaport.Example ", c.password)
				if err != nil || (generated != "") != c.generated || c.generated && len(generated) < 16 {
					t.Fatalf("generated %q, error %v", generated, err)
				}
				session, err := s.Login(t.Context(), "admin@aliaport.example", cmp.Or(generated, c.password))
				if err != nil {
					t.Fatal(err)
				}
				if got := session.Viewer.Permissions(); !slices.Equal(got, actor.Permissions) {
					t.Errorf("the administrator may %v", got)
				}
				for _, again := range []string{"", "Another-1"} {
					if generated, err := s.EnsureAdmin(t.Context(), "other@aliaport.example", again); generated != "" || err != nil {
						t.Errorf("again: generated %q, error %v", generated, err)
					}
				}
				if n := db.User.Query().CountX(t.Context()); n != 1 {
					t.Errorf("%d users", n)
				}
			})
		})
	}
}

func TestAddNeedsTheRightsInTheDatabase(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := &Service{DB: db, Now: time.Now, Hasher: NewHasher()}
		if _, err := s.EnsureAdmin(t.Context(), "admin@aliaport.example", password); err == nil {
			t.Error("an administrator without the role")
		}
		if n := db.User.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d users", n)
		}
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		clerk := s.add(t, "clerk@aliaport.example", password, actor.RoleOperations)
		s.add(t, "silent@aliaport.example", "", actor.RoleOperations)
		db.User.UpdateOne(s.add(t, "gone@aliaport.example", password, actor.RoleOperations)).SetIsActive(false).ExecX(t.Context())
		db.User.UpdateOne(s.add(t, "locked@aliaport.example", password, actor.RoleOperations)).SetLockedUntil(noon.Add(time.Second)).ExecX(t.Context())
		db.User.UpdateOne(s.add(t, "free@aliaport.example", password, actor.RoleOperations)).SetLockedUntil(noon).ExecX(t.Context())
		for name, c := range map[string]struct {
			email, password string
			want            bool
		}{
			"e-mail and password":                     {"clerk@aliaport.example", password, true},
			"the e-mail in another case, with blanks": {" Clerk@Aliaport.Example\t", password, true},
			"after a lock has ended":                  {"free@aliaport.example", password, true},
			"a wrong password":                        {"clerk@aliaport.example", "Rıhtım-36", false},
			"no password":                             {"clerk@aliaport.example", "", false},
			"an unknown user":                         {"nobody@aliaport.example", password, false},
			"no user":                                 {"", password, false},
			"a pattern":                               {"%", password, false},
			"a deactivated user":                      {"gone@aliaport.example", password, false},
			"a locked user":                           {"locked@aliaport.example", password, false},
			"a user without a password":               {"silent@aliaport.example", "", false},
			"a user without a password, with one":     {"silent@aliaport.example", password, false},
		} {
			session, err := s.Login(t.Context(), c.email, c.password)
			if !c.want {
				refused, only := apperr.All(err)
				if session != nil || !only || len(refused) != 1 || refused[0].Code != apperr.InvalidCredentials || len(refused[0].Field) != 0 || refused[0].Params != nil {
					t.Errorf("%s: got %v, error %v; want AUTH_INVALID_CREDENTIALS and not a word more", name, session, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !session.ExpiresAt.Equal(noon.Add(s.Tokens.Lifetime)) {
				t.Errorf("%s: expires %v", name, session.ExpiresAt)
			}
			if a, err := s.Actor(t.Context(), session.AccessToken); err != nil || a.ID != session.Viewer.ID || !slices.Equal(a.Roles, []string{actor.RoleOperations}) {
				t.Errorf("%s: the token belongs to %+v, error %v", name, a, err)
			}
		}
		u := db.User.GetX(t.Context(), clerk.ID)
		if u.LastLoginAt == nil || !u.LastLoginAt.Equal(noon) {
			t.Errorf("last login %v", u.LastLoginAt)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("login"), auditevent.UserID(clerk.ID)).CountX(t.Context()); n != 2 {
			t.Errorf("%d logins of the clerk in the trail, want 2", n)
		}
	})
}

// TestEveryLoginCostsAHash gives the hasher no slot: whoever would be hashed is
// told to come back, and an answer without a hash would be another one.
func TestEveryLoginCostsAHash(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		s.add(t, "clerk@aliaport.example", password, actor.RoleOperations)
		s.add(t, "silent@aliaport.example", "", actor.RoleOperations)
		db.User.UpdateOne(s.add(t, "gone@aliaport.example", password, actor.RoleOperations)).SetIsActive(false).ExecX(t.Context())
		db.User.UpdateOne(s.add(t, "locked@aliaport.example", password, actor.RoleOperations)).SetLockedUntil(noon.Add(time.Hour)).ExecX(t.Context())
		s.Hasher = &Hasher{slots: semaphore.NewWeighted(0)}
		for name, email := range map[string]string{
			"a user": "clerk@aliaport.example", "an unknown user": "nobody@aliaport.example", "no user": "", "a user without a password": "silent@aliaport.example",
			"a deactivated user": "gone@aliaport.example", "a locked user": "locked@aliaport.example",
		} {
			for _, pw := range []string{password, "Wrong-1", ""} {
				if _, err := s.Login(t.Context(), email, pw); !apperr.Is(err, apperr.RateLimited) {
					t.Errorf("%s with password %q: answered without a hash: %v", name, pw, err)
				}
			}
		}
	})
}

func TestBrokenHashIsNotTheUsersFault(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		db.User.UpdateOne(s.add(t, "clerk@aliaport.example", password, actor.RoleOperations)).SetPasswordHash("$argon2id$v=19$m=0,t=0,p=0$$").ExecX(t.Context())
		session, err := s.Login(t.Context(), "clerk@aliaport.example", password)
		if _, refusal := apperr.All(err); err == nil || refusal {
			t.Errorf("got %v, error %v; want one that is logged", session, err)
		}
	})
}

func TestTooManyWrongPasswordsLockTheAccount(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		u := s.add(t, "clerk@aliaport.example", password, actor.RoleOperations)
		login := func(pw string) bool {
			_, err := s.Login(t.Context(), u.Email, pw)
			if err != nil && !apperr.Is(err, apperr.InvalidCredentials) {
				t.Fatal(err)
			}
			return err == nil
		}
		for range maxFailures - 1 {
			login("Wrong-1")
		}
		if !login(password) {
			t.Error("locked too early")
		}
		for range maxFailures {
			login("Wrong-1")
		}
		if login(password) {
			t.Error("not locked")
		}
		if !s.IsLocked(db.User.GetX(t.Context(), u.ID)) {
			t.Error("does not look locked")
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("lock"), auditevent.EntityID(fmt.Sprint(u.ID))).CountX(t.Context()); n != 1 {
			t.Errorf("%d locks in the trail", n)
		}
		s.now = noon.Add(lockTime - time.Microsecond)
		if login(password) {
			t.Error("the lock ended too early")
		}
		s.now = noon.Add(lockTime)
		if !login(password) {
			t.Error("the lock did not end")
		}
	})
}

// TestRightsTakenAwayAreGoneAtOnce looks at the actor of a token that was handed
// out before.
func TestRightsTakenAwayAreGoneAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(ctx context.Context, s *clocked, u *ent.User)
		want []actor.Permission // nil: nobody any more
	}{
		"nothing taken away": {func(context.Context, *clocked, *ent.User) {}, actor.RolePermissions[actor.RoleGate]},
		"the role taken from the user": {func(ctx context.Context, s *clocked, u *ent.User) {
			s.DB.User.UpdateOne(u).ClearRoles().ExecX(ctx)
		}, []actor.Permission{}},
		"a right taken from the role": {func(ctx context.Context, s *clocked, _ *ent.User) {
			r := s.DB.Role.Query().Where(role.Name(actor.RoleGate)).OnlyX(ctx)
			p := s.DB.Permission.Query().Where(permission.Name("guvenlik:exception")).OnlyX(ctx)
			s.DB.Role.UpdateOne(r).RemovePermissions(p).ExecX(ctx)
		}, slices.DeleteFunc(slices.Clone(actor.RolePermissions[actor.RoleGate]), func(p actor.Permission) bool { return p == actor.GateException })},
		"a second role given": {func(ctx context.Context, s *clocked, u *ent.User) {
			s.DB.User.UpdateOne(u).AddRoles(s.DB.Role.Query().Where(role.Name(actor.RoleAdmin)).OnlyX(ctx)).ExecX(ctx)
		}, actor.Permissions},
		"the user deactivated": {func(ctx context.Context, s *clocked, u *ent.User) {
			s.DB.User.UpdateOne(u).SetIsActive(false).ExecX(ctx)
		}, nil},
		"the user deleted": {func(ctx context.Context, s *clocked, u *ent.User) { s.DB.User.DeleteOne(u).ExecX(ctx) }, nil},
		"all sessions ended": {func(ctx context.Context, s *clocked, u *ent.User) {
			if err := s.LogoutEverywhere(actor.With(ctx, actor.New(u.ID, "", "", nil, nil))); err != nil {
				panic(err)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				s := newService(t, db)
				u := s.add(t, "gate@aliaport.example", password, actor.RoleGate)
				session, err := s.Login(t.Context(), u.Email, password)
				if err != nil {
					t.Fatal(err)
				}
				c.do(t.Context(), s, u)
				a, err := s.Actor(t.Context(), session.AccessToken)
				if c.want == nil {
					if a != nil || !apperr.Is(err, apperr.Unauthenticated) {
						t.Errorf("got %+v, error %v; want UNAUTHENTICATED", a, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := a.Permissions(); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
					t.Errorf("may %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestActorOfABadToken(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		u := s.add(t, "gate@aliaport.example", password, actor.RoleGate)
		session, err := s.Login(t.Context(), u.Email, password)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(user int64, family string) string {
			token, _, err := s.Tokens.Sign(user, family, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		for name, token := range map[string]string{
			"of an unknown user":               sign(u.ID+1, session.family),
			"of no session":                    sign(u.ID, ""),
			"of a session that never was":      sign(u.ID, newFamily()),
			"of nobody":                        "",
			"a refresh token in its place":     session.RefreshToken,
			"of a user with a negative number": sign(-1, session.family),
		} {
			if a, err := s.Actor(t.Context(), token); a != nil || !apperr.Is(err, apperr.Unauthenticated) {
				t.Errorf("%s: got %+v, error %v", name, a, err)
			}
		}
		s.now = noon.Add(s.Tokens.Lifetime)
		if a, err := s.Actor(t.Context(), session.AccessToken); a != nil || !apperr.Is(err, apperr.TokenExpired) {
			t.Errorf("after its time: got %+v, error %v", a, err)
		}
	})
}

// TestOfTwoWhoChangeAUserAtOnceOneWins has both start from the same version.
func TestOfTwoWhoChangeAUserAtOnceOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		s.add(t, "admin@aliaport.example", "", actor.RoleAdmin)
		u := s.add(t, "clerk@aliaport.example", "", actor.RoleOperations)
		ctx := actor.With(t.Context(), actor.System("test"))
		for round := range 20 {
			var g errgroup.Group
			var errs [2]error
			for i := range errs {
				in := UpdateInput{ID: globalid.ID{Type: "User", Key: u.ID}, Version: 1 + round, Roles: []string{[]string{actor.RoleGate, actor.RoleField}[i]}}
				g.Go(func() error {
					_, errs[i] = s.Update(ctx, in)
					return nil
				})
			}
			_ = g.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || !apperr.Is(cmp.Or(errs[0], errs[1]), apperr.VersionConflict) {
				t.Fatalf("round %d: errors %v and %v; want one VERSION_CONFLICT", round, errs[0], errs[1])
			}
			now := db.User.Query().Where(entuser.ID(u.ID)).WithRoles().OnlyX(t.Context())
			if now.Version != 2+round || len(now.Edges.Roles) != 1 {
				t.Fatalf("round %d: version %d, roles %v", round, now.Version, now.Edges.Roles)
			}
		}
	})
}

// TestTwoAdministratorsCannotRemoveEachOther has each of the last two be changed at
// once, so that each change alone would leave one.
func TestTwoAdministratorsCannotRemoveEachOther(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := newService(t, db)
		var both [2]*ent.User
		for i := range both {
			both[i] = s.add(t, fmt.Sprintf("admin%d@aliaport.example", i), "", actor.RoleAdmin)
		}
		ctx := actor.With(t.Context(), actor.System("test"))
		for round := range 10 {
			var g errgroup.Group
			var errs [2]error
			for i, u := range both {
				in := UpdateInput{ID: globalid.ID{Type: "User", Key: u.ID}, Version: u.Version, IsActive: new(false)}
				if i == 1 && round%2 == 1 {
					in.IsActive, in.Roles = nil, []string{}
				}
				g.Go(func() error {
					_, errs[i] = s.Update(ctx, in)
					return nil
				})
			}
			_ = g.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || !apperr.Is(cmp.Or(errs[0], errs[1]), apperr.LastAdmin) {
				t.Fatalf("round %d: errors %v and %v; want one LAST_ADMIN", round, errs[0], errs[1])
			}
			admin := db.Role.Query().Where(role.Name(actor.RoleAdmin)).OnlyX(ctx)
			for i, u := range both {
				both[i] = db.User.UpdateOne(u).SetIsActive(true).ClearRoles().AddRoles(admin).SaveX(ctx)
			}
		}
	})
}
