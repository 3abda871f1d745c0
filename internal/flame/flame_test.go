package flame_test

import (
	"bytes"
	"errors"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"aliaport/internal/flame"
)

// stacks is a profile of these stacks, the innermost function first.
func stacks(t *testing.T, values map[string]int64) *bytes.Buffer {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}, TimeNanos: 1}
	functions := map[string]*profile.Location{}
	for stack, v := range values {
		s := &profile.Sample{Value: []int64{1, v}}
		for name := range strings.FieldsSeq(stack) {
			l, known := functions[name]
			if !known {
				f := &profile.Function{ID: uint64(len(p.Function) + 1), Name: name}
				l = &profile.Location{ID: f.ID, Line: []profile.Line{{Function: f}}}
				functions[name], p.Function, p.Location = l, append(p.Function, f), append(p.Location, l)
			}
			s.Location = append(s.Location, l)
		}
		p.Sample = append(p.Sample, s)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestStacksAreAddedUp(t *testing.T) {
	t.Parallel()
	g, err := flame.Read(stacks(t, map[string]int64{"scan read main": 30, "parse read main": 50, "write main": 15, "main": 5}))
	if err != nil {
		t.Fatal(err)
	}
	main := g.Root.Called[0]
	if g.Unit != "nanoseconds" || g.Root.Value != 100 || len(g.Root.Called) != 1 || main.Name != "main" || main.Value != 100 {
		t.Fatalf("%+v of %+v", main, g)
	}
	read := main.Called[0]
	if read.Name != "read" || read.Value != 80 || read.Called[0].Name != "parse" || read.Called[1].Value != 30 || main.Called[1].Name != "write" {
		t.Errorf("%+v", read)
	}
}

func TestThePageIsOneFile(t *testing.T) {
	t.Parallel()
	g, err := flame.Read(stacks(t, map[string]int64{"</script><b>x main": 1}))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := g.WriteHTML(&b, `CPU <of> "it"`); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"</script><b>", "http://", "https://", "src=", "@import", "<of>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !strings.Contains(page, "CPU &lt;of&gt;") || !strings.Contains(page, `"n":"main"`) {
		t.Errorf("the page is %s", page)
	}
}

func TestProfilesOfThisProgramCanBeRead(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	if g, err := flame.Read(&b); err != nil || g.Unit != "count" || g.Root.Value == 0 {
		t.Errorf("%+v (%v)", g, err)
	}
}

func TestNothingIsSaidToBeNothing(t *testing.T) {
	t.Parallel()
	if _, err := flame.Read(stacks(t, nil)); !errors.Is(err, flame.ErrEmpty) {
		t.Errorf("answered %v", err)
	}
	if _, err := flame.Read(strings.NewReader("<html>")); err == nil || errors.Is(err, flame.ErrEmpty) {
		t.Errorf("answered %v", err)
	}
}
