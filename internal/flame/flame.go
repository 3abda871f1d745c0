// Package flame draws a profile as a flame graph: one HTML file that needs nothing else.
package flame

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/google/pprof/profile"
)

// Frame is a function with what it cost, itself and those it called.
type Frame struct {
	Name   string   `json:"n"`
	Value  int64    `json:"v"`
	Called []*Frame `json:"c,omitempty"`

	byName map[string]*Frame
}

func (f *Frame) call(name string) *Frame {
	if f.byName == nil {
		f.byName = map[string]*Frame{}
	}
	to, known := f.byName[name]
	if !known {
		to = &Frame{Name: name}
		f.byName[name] = to
		f.Called = append(f.Called, to)
	}
	return to
}

// sort puts the most expensive first.
func (f *Frame) sort() {
	slices.SortFunc(f.Called, func(a, b *Frame) int { return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name)) })
	for _, c := range f.Called {
		c.sort()
	}
}

// Graph is a profile, added up by stack.
type Graph struct {
	Root *Frame
	Type string // what was counted, such as cpu or inuse_space
	Unit string // of the values: nanoseconds, bytes, count
}

// ErrEmpty means that nothing was going on while the profile was taken.
var ErrEmpty = errors.New("the profile has no samples")

// Read reads a profile as /debug/pprof gives it and adds up what it counts by default.
func Read(r io.Reader) (*Graph, error) {
	p, err := profile.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	if len(p.SampleType) == 0 {
		return nil, ErrEmpty
	}
	index := len(p.SampleType) - 1
	for i, t := range p.SampleType {
		if t.Type == p.DefaultSampleType {
			index = i
		}
	}
	g := &Graph{Root: &Frame{Name: "all"}, Type: p.SampleType[index].Type, Unit: p.SampleType[index].Unit}
	for _, s := range p.Sample {
		v := s.Value[index]
		if v <= 0 {
			continue
		}
		at := g.Root
		at.Value += v
		for _, location := range slices.Backward(s.Location) {
			for _, line := range slices.Backward(location.Line) {
				at = at.call(line.Function.Name)
				at.Value += v
			}
		}
	}
	if g.Root.Value == 0 {
		return nil, ErrEmpty
	}
	g.Root.sort()
	return g, nil
}

//go:embed flame.html
var page string

var pageTemplate = template.Must(template.New("flame").Parse(page))

// WriteHTML writes the page. The title says what was profiled, and when.
func (g *Graph) WriteHTML(w io.Writer, title string) error {
	tree, err := json.Marshal(g.Root) // escapes < and >, so that no name ends the script
	if err != nil {
		return fmt.Errorf("encode the flame graph: %w", err)
	}
	err = pageTemplate.Execute(w, map[string]any{"Title": title, "Type": g.Type, "Unit": g.Unit, "Tree": template.JS(tree)}) //nolint:gosec // our own JSON
	if err != nil {
		return fmt.Errorf("write the flame graph: %w", err)
	}
	return nil
}
