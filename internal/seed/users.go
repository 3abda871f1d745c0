package seed

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/role"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
)

// domain is that of every address; RFC 6761 keeps it from ever being real.
const domain = "aliaport.example"

// Admin is the demo user who may do everything.
const Admin = "yonetici@" + domain

// people are the demo users.
var people = []struct{ email, name, role string }{
	{Admin, "Deniz Aksoy (demo)", actor.RoleAdmin},
	{"operasyon@" + domain, "Ayşe Yılmaz (demo)", actor.RoleOperations},
	{"operasyon2@" + domain, "Çağrı Öztürk (demo)", actor.RoleOperations},
	{"operasyon3@" + domain, "Işıl Şahin (demo)", actor.RoleOperations},
	{"operasyon4@" + domain, "Mehmet Kaya (demo)", actor.RoleOperations},
	{"finans@" + domain, "Gül Çelik (demo)", actor.RoleFinance},
	{"finans2@" + domain, "İbrahim Doğan (demo)", actor.RoleFinance},
	{"guvenlik@" + domain, "Hüseyin Arslan (demo)", actor.RoleGate},
	{"saha@" + domain, "Mustafa Demir (demo)", actor.RoleField},
	{"saha2@" + domain, "Özgür Yıldız (demo)", actor.RoleField},
	{"saha3@" + domain, "Şule Kılıç (demo)", actor.RoleField},
	{"saha4@" + domain, "İsmail Güneş (demo)", actor.RoleField},
	{"izleyici@" + domain, "Zeynep Ünal (demo)", actor.RoleReadOnly},
}

// crew is who does what.
type crew struct {
	all        []*ent.User
	operations []*ent.User // request, approve, delete
	field      []*ent.User // request, start, complete
	finance    []*ent.User // invoice, close
	gate       []*ent.User // let in and out
}

// users makes the demo users. One who exists keeps name, password and roles.
func (l *loader) users(ctx context.Context, hash string, since time.Time) (*crew, error) {
	c := &crew{}
	for _, p := range people {
		u, err := l.tx.User.Query().Where(entuser.Email(p.email)).Only(ctx)
		if ent.IsNotFound(err) {
			u, err = l.user(ctx, p.email, p.name, p.role, hash, since)
		}
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", p.email, err)
		}
		c.all = append(c.all, u)
		switch p.role {
		case actor.RoleOperations:
			c.operations = append(c.operations, u)
		case actor.RoleField:
			c.field = append(c.field, u)
		case actor.RoleFinance:
			c.finance = append(c.finance, u)
		case actor.RoleGate:
			c.gate = append(c.gate, u)
		}
	}
	return c, nil
}

func (l *loader) user(ctx context.Context, email, name, roleName, hash string, since time.Time) (*ent.User, error) {
	r, err := l.tx.Role.Query().Where(role.Name(roleName)).OnlyID(ctx)
	if err != nil {
		return nil, fmt.Errorf("find role %s: %w", roleName, err)
	}
	return l.tx.User.Create().SetEmail(email).SetFullName(name).SetPasswordHash(hash).AddRoleIDs(r).
		SetCreatedAt(since).SetUpdatedAt(since).Save(ctx)
}
