package cost

// Visits is how many selections Measure looked at.
func (s *Shape) Visits() int { return s.visits }

// Steps is how many terms Cost adds up.
func (s *Shape) Steps() int {
	n := len(s.sets)
	for _, set := range s.sets {
		n += len(set.terms)
	}
	return n
}
