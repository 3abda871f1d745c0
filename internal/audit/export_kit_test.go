package audit

// unindexed is a filter that no index serves.
func unindexed(path, resource string) Filter { return Filter{Path: &path, Resource: &resource} }
