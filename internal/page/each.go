package page

import (
	"encoding/json"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// Key tells pages apart that read different rows of one list.
func (p *Page) Key() string {
	at := func(p *position) string {
		if p == nil {
			return ""
		}
		return fmt.Sprint(p.value, " ", p.id)
	}
	return fmt.Sprintf("%s %t %d %t %q %q", p.Order.Name, p.Order.Desc, p.Size, p.backward, at(p.after), at(p.before))
}

// OfEach reads the page of every owner in one statement, owner by owner: for each it
// seeks in an index that begins with the owner's column and goes on in the order of
// the page. rest narrows the rows further. Cut shapes the rows of one owner.
func (p *Page) OfEach(table, owner string, owners []int64, rest ...func(*sql.Selector)) func(*sql.Selector) {
	if owners == nil {
		owners = []int64{}
	}
	return func(s *sql.Selector) {
		d := sql.Dialect(s.Dialect())
		t := d.Table(table)
		one := d.Select(t.C("id")).From(t)
		for _, r := range rest {
			r(one)
		}
		column := t.C(owner)
		postgres := s.Dialect() == dialect.Postgres
		one.Where(sql.P(func(b *sql.Builder) {
			b.Ident(column).WriteString(" = owners.")
			if postgres {
				b.WriteString("id")
			} else {
				b.WriteString("value")
			}
		}))
		p.Apply(one)
		id := s.C("id")
		s.Where(sql.P(func(b *sql.Builder) {
			b.Ident(id)
			if postgres {
				b.WriteString(" IN (SELECT part.id FROM unnest(").Arg(owners).WriteString("::bigint[]) AS owners (id) CROSS JOIN LATERAL (").Join(one).WriteString(") AS part)")
				return
			}
			list, err := json.Marshal(owners)
			if err != nil {
				b.AddError(err)
				return
			}
			b.WriteString(" IN (SELECT part.id FROM json_each(").Arg(string(list)).WriteString(") AS owners CROSS JOIN ").Ident(table).
				WriteString(" AS part ON part.id IN (").Join(one).WriteString("))")
		}))
		s.OrderBy(s.C(owner))
		p.sort(s)
	}
}

// sort orders rows as the page is read: backward from its end.
func (p *Page) sort(s *sql.Selector) {
	desc := p.Order.Desc != p.backward
	for _, column := range []string{s.C(p.Order.Column), s.C("id")} {
		switch apart := p.Order.Apart && s.Dialect() == dialect.Postgres; {
		case desc && apart:
			column += " DESC NULLS LAST"
		case desc:
			column = sql.Desc(column)
		case apart:
			column += " NULLS FIRST"
		}
		s.OrderBy(column)
	}
}
