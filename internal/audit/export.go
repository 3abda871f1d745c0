package audit

// What is done with the trail itself.
const (
	Export  Action = "export"
	Archive Action = "archive"

	Events Resource = "audit_event"
)
