package audit

// unindexed is a filter that no index serves.
func unindexed(action, resource string) Filter { return Filter{Action: &action, Resource: &resource} }
