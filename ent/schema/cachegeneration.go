package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// CacheGeneration names the state that the rows of a table are in, for the tables
// that cached answers are read from. Every change to such a table gives it another
// generation, in the transaction of the change, and the generation is part of the
// keys of what is cached.
//
// Triggers do that, so that it holds whoever writes: server, command, or a statement
// by hand. Generations are drawn, not counted: a database that was restored from a
// backup must not come by one that it has had before, with other rows. On PostgreSQL
// the triggers are deferred to the commit, so that writers wait for each other no
// longer than that takes. A migration that makes such a table anew on SQLite must make
// its triggers anew too.
type CacheGeneration struct{ ent.Schema }

func (CacheGeneration) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (CacheGeneration) Annotations() []schema.Annotation {
	return []schema.Annotation{table("cache_generations")}
}

func (CacheGeneration) Fields() []ent.Field {
	return []ent.Field{
		field.String("table_name").MaxLen(63).Unique().Immutable(),
		field.Int64("generation"),
	}
}
