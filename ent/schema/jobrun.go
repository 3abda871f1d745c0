package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

var (
	jobStates   = []string{"QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "FAILED", "CANCELLED", "SKIPPED"}
	jobTriggers = []string{"SCHEDULE", "MANUAL", "RETRY", "EVENT"}
)

// JobRun is one run of a job. It is the truth about what was due and what became of
// it: a slot of a schedule has one row, whichever server saw it first. The queue that
// carries runs out (the tables river_*) can be lost and is filled again from here.
type JobRun struct{ ent.Schema }

func (JobRun) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (JobRun) Annotations() []schema.Annotation {
	return []schema.Annotation{table("job_runs",
		oneOf("state", jobStates), oneOf("trigger", jobTriggers), check("attempts", "attempts >= 0"),
		check("finished_at", "state IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED') = (finished_at IS NOT NULL)"),
	)}
}

func (JobRun) Fields() []ent.Field {
	return []ent.Field{
		field.String("job").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.Time("scheduled_for").Immutable().Comment("the slot; of a run that has none, when it was asked for"),
		field.Time("slot").Immutable().Comment("what the run is for: of a retry that of the first run"),
		field.Enum("trigger").NamedValues(named(jobTriggers)...).SchemaType(text).Immutable(),
		field.Enum("state").NamedValues(named(jobStates)...).SchemaType(text),
		field.Int("attempts").Default(0).Comment("begun so far"),
		field.Int("max_attempts"),
		field.Time("started_at").Optional().Nillable().Comment("the newest attempt"),
		field.Time("finished_at").Optional().Nillable(),
		field.Time("next_attempt_at").Optional().Nillable().Comment("while it waits"),
		field.Time("alive_at").Optional().Nillable().Comment("when the process that runs it last said so"),
		field.String("server").MaxRuneLen(100).Optional().Nillable().Comment("that ran the newest attempt"),
		field.Int64("rows").Optional().Nillable().Comment("how much was done"),
		field.String("error").MaxRuneLen(2000).Optional().Nillable().Comment("of the newest attempt that failed, or why it was skipped"),
		field.Text("log").Default("").Comment("the last lines of it"),
		field.Bool("cancel_requested").Default(false),
		field.Int64("requested_by").Optional().Nillable().Immutable().Comment("null: nobody, the schedule"),
		field.String("requested_by_name").MaxRuneLen(100).Optional().Nillable().Immutable(),
		field.Int64("retry_of").Optional().Nillable().Immutable(),
		field.Int64("queue_id").Optional().Nillable().Comment("in the queue of this database; null: not in it"),
	}
}

func (JobRun) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("job", "scheduled_for").Unique().StorageKey("job_runs_job_scheduled_for"),
		// A job runs once at a time, whatever server and trigger.
		index.Fields("job").Unique().StorageKey("job_runs_running").Annotations(entsql.IndexWhere("state = 'RUNNING'")),
		index.Fields("retry_of").Unique().StorageKey("job_runs_retry_of").Annotations(entsql.IndexWhere("retry_of IS NOT NULL")),
		index.Fields("next_attempt_at").StorageKey("job_runs_open").Annotations(entsql.IndexWhere("finished_at IS NULL")),
		index.Fields("scheduled_for", "id").StorageKey("job_runs_scheduled_for"),
		index.Fields("job", "state", "scheduled_for", "id").StorageKey("job_runs_job_state"),
		index.Fields("state", "scheduled_for", "id").StorageKey("job_runs_state"),
		index.Fields("finished_at").StorageKey("job_runs_finished_at"),
	}
}
