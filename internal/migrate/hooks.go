package migrate

import (
	"regexp"
	"slices"
	"strings"

	"ariga.io/atlas/sql/postgres"
	aschema "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect/sql/schema"
)

// partitioned maps the tables that PostgreSQL keeps in monthly partitions to the
// column that decides.
var partitioned = map[string]string{auditTable: "created_at"}

// hooks bridge what ent's schema says and what each database should get.
func hooks(dialect string) []schema.DiffHook {
	if dialect == SQLite {
		return []schema.DiffHook{before(indexedForeignKeys), before(withoutTrigrams), after(literalDefaults)}
	}
	return []schema.DiffHook{before(indexedForeignKeys), before(partitions), after(collations), after(trailApart), after(withExclusions)}
}

// before changes the desired schema ahead of the comparison.
func before(f func(desired *aschema.Schema)) schema.DiffHook {
	return func(next schema.Differ) schema.Differ {
		return schema.DiffFunc(func(current, desired *aschema.Schema) ([]aschema.Change, error) {
			f(desired)
			return next.Diff(current, desired)
		})
	}
}

// after changes the result of the comparison.
func after(f func(current, desired *aschema.Schema, changes []aschema.Change) []aschema.Change) schema.DiffHook {
	return func(next schema.Differ) schema.Differ {
		return schema.DiffFunc(func(current, desired *aschema.Schema) ([]aschema.Change, error) {
			changes, err := next.Diff(current, desired)
			if err != nil {
				return nil, err
			}
			return f(current, desired, changes), nil
		})
	}
}

// partitions makes tables partitioned by range. Their primary key must then
// contain the deciding column.
func partitions(desired *aschema.Schema) {
	for name, column := range partitioned {
		t, ok := desired.Table(name)
		if !ok {
			continue
		}
		c, ok := t.Column(column)
		if !ok {
			continue
		}
		t.AddAttrs(&postgres.Partition{T: postgres.PartitionTypeRange, Parts: []*postgres.PartitionPart{{C: c}}})
		if !slices.ContainsFunc(t.PrimaryKey.Parts, func(p *aschema.IndexPart) bool { return p.C == c }) {
			t.PrimaryKey.AddColumns(c)
		}
	}
}

// indexedForeignKeys adds an index for every foreign key that leads none. Ent
// cannot declare one on a join table, and without it each delete of the parent
// reads the whole table.
func indexedForeignKeys(desired *aschema.Schema) {
	for _, t := range desired.Tables {
		for _, fk := range t.ForeignKeys {
			if !leadsIndex(t, fk.Columns) {
				t.AddIndexes(aschema.NewIndex(t.Name + "_" + fk.Columns[0].Name).AddColumns(fk.Columns...))
			}
		}
	}
}

func leadsIndex(t *aschema.Table, columns []*aschema.Column) bool {
	return slices.ContainsFunc(append([]*aschema.Index{t.PrimaryKey}, t.Indexes...), func(i *aschema.Index) bool {
		if i == nil || len(i.Parts) < len(columns) || partial(i) {
			return false
		}
		for n, c := range columns {
			if i.Parts[n].C == nil || i.Parts[n].C.Name != c.Name {
				return false
			}
		}
		return true
	})
}

func partial(i *aschema.Index) bool {
	return slices.ContainsFunc(i.Attrs, func(a aschema.Attr) bool {
		switch a.(type) {
		case *postgres.IndexPredicate, *sqlite.IndexPredicate:
			return true
		}
		return false
	})
}

// withoutTrigrams leaves out the indexes that only PostgreSQL's pg_trgm can serve.
func withoutTrigrams(desired *aschema.Schema) {
	for _, t := range desired.Tables {
		t.Indexes = slices.DeleteFunc(t.Indexes, func(i *aschema.Index) bool { return strings.HasSuffix(i.Name, "_trgm") })
	}
}

// literalDefaults tells Atlas that a constant is one. Ent passes every default as
// an expression, for which Atlas builds the whole table anew to add a column.
func literalDefaults(_, _ *aschema.Schema, changes []aschema.Change) []aschema.Change {
	for _, c := range changes {
		m, ok := c.(*aschema.ModifyTable)
		if !ok {
			continue
		}
		for _, c := range m.Changes {
			add, ok := c.(*aschema.AddColumn)
			if !ok {
				continue
			}
			if x, ok := add.C.Default.(*aschema.RawExpr); ok && constant.MatchString(x.X) {
				add.C.Default = &aschema.Literal{V: x.X}
			}
		}
	}
	return changes
}

var constant = regexp.MustCompile(`^(-?[0-9.]+|true|false|NULL|'([^']|'')*')$`)

// collations adds what Atlas does not compare: a column of an existing table
// that should sort otherwise. New columns get their collation from Atlas.
func collations(current, desired *aschema.Schema, changes []aschema.Change) []aschema.Change {
	for _, to := range desired.Tables {
		from, ok := current.Table(to.Name)
		if !ok {
			continue
		}
		for _, c := range to.Columns {
			old, ok := from.Column(c.Name)
			if ok && collation(old) != collation(c) {
				changes = changeType(changes, to, old, c)
			}
		}
	}
	return changes
}

func collation(c *aschema.Column) string {
	for _, a := range c.Attrs {
		if collate, ok := a.(*aschema.Collation); ok {
			return collate.V
		}
	}
	return ""
}

// withExclusions keeps the exclusion constraints of PostgreSQL. Ent cannot declare
// them, so that they are made by hand and must not be dropped by the next draft.
func withExclusions(_, _ *aschema.Schema, changes []aschema.Change) []aschema.Change {
	for _, c := range changes {
		if m, ok := c.(*aschema.ModifyTable); ok {
			m.Changes = slices.DeleteFunc(m.Changes, func(c aschema.Change) bool {
				drop, ok := c.(*aschema.DropIndex)
				return ok && slices.ContainsFunc(drop.I.Attrs, func(a aschema.Attr) bool {
					constraint, ok := a.(*postgres.Constraint)
					return ok && constraint.IsExclude()
				})
			})
		}
	}
	return slices.DeleteFunc(changes, func(c aschema.Change) bool {
		m, ok := c.(*aschema.ModifyTable)
		return ok && len(m.Changes) == 0
	})
}

// changeType has the type of a column, of which the collation is a part, written
// anew, joining the change that is planned for it or its table already.
func changeType(changes []aschema.Change, t *aschema.Table, from, to *aschema.Column) []aschema.Change {
	for _, c := range changes {
		m, ok := c.(*aschema.ModifyTable)
		if !ok || m.T.Name != t.Name {
			continue
		}
		for _, c := range m.Changes {
			if mc, ok := c.(*aschema.ModifyColumn); ok && mc.To.Name == to.Name {
				mc.Change |= aschema.ChangeType
				return changes
			}
		}
		m.Changes = append(m.Changes, &aschema.ModifyColumn{From: from, To: to, Change: aschema.ChangeType})
		return changes
	}
	return append(changes, &aschema.ModifyTable{T: t, Changes: []aschema.Change{&aschema.ModifyColumn{From: from, To: to, Change: aschema.ChangeType}}})
}

// trailApart keeps the indexes of the trail whose last two columns are sorted with
// NULLS FIRST, which ent cannot say. Those have no NULLs; it is for the planner, which
// otherwise reads the trail by time and looks for what is asked there. A query says
// DESC NULLS LAST to get them (page.Order.Apart). An index that gets other columns has
// to be written by hand again; TestEverySearchWalksAnIndex (package audit) finds one
// that was not.
func trailApart(_, _ *aschema.Schema, changes []aschema.Change) []aschema.Change {
	for _, c := range changes {
		if m, ok := c.(*aschema.ModifyTable); ok && m.T.Name == auditTable {
			m.Changes = slices.DeleteFunc(m.Changes, func(c aschema.Change) bool {
				i, ok := c.(*aschema.ModifyIndex)
				return ok && i.Change == aschema.ChangeParts && slices.EqualFunc(i.From.Parts, i.To.Parts, func(a, b *aschema.IndexPart) bool {
					return a.C != nil && b.C != nil && a.C.Name == b.C.Name
				})
			})
		}
	}
	return changes
}
