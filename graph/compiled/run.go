package compiled

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// Run is one writing of a plan.
type Run struct {
	// Ctx is that of the field which is written. Errors that are added to it end the
	// writing and are not told.
	Ctx context.Context //nolint:containedctx // as long as the call of Write
	// Engine is what Schema.Engine made.
	Engine any
	// Saw is told of each value of a field marked @personal.
	Saw func(ctx context.Context, obj any, field string, value *string)

	failed bool
	bound  []binding
}

// binding is what a step depends on beside the row.
type binding struct {
	denied bool
	args   *graphql.FieldContext
}

// size is what the last writings of a plan needed.
type size struct{ bytes atomic.Int64 }

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keptBuffer bounds the buffers that are kept for later writings, in bytes.
const keptBuffer = 1 << 20

// Write writes a value of the plan's field. It returns nil if the engine has to. can
// tells whether the caller has a right.
func (p *Plan) Write(r *Run, raw map[string]any, can func(permission string) bool, v any) (written graphql.Marshaler) {
	defer func() {
		if recover() != nil { // the engine comes across it too, and presents it
			written = nil
		}
	}()
	r.Ctx = graphql.WithFreshResponseContext(r.Ctx)
	if !p.bind(r, raw, can) {
		return nil
	}
	buffer := buffers.Get().(*[]byte) //nolint:errcheck,forcetypeassert // nothing else is put there
	b := (*buffer)[:0]
	if n := int(p.sizes.bytes.Load()); cap(b) < n {
		b = make([]byte, 0, n+n/8)
	}
	b, ok := p.root.value(r, b, v, &p.root)
	if !ok || r.failed || len(graphql.GetErrors(r.Ctx)) > 0 {
		return nil
	}
	p.sizes.bytes.Store(int64(len(b)))
	*buffer = b
	return &output{buffer}
}

// output is JSON that was written.
type output struct{ buffer *[]byte }

// MarshalGQL writes it; it is asked to once.
func (o *output) MarshalGQL(w io.Writer) {
	if o.buffer == nil {
		return
	}
	_, _ = w.Write(*o.buffer)
	if cap(*o.buffer) <= keptBuffer {
		buffers.Put(o.buffer)
	}
	o.buffer = nil
}

// bind finds out what steps depend on. False means that there is something to refuse.
func (p *Plan) bind(r *Run, variables map[string]any, can func(permission string) bool) bool {
	if len(p.bound) == 0 {
		return true
	}
	r.bound = make([]binding, len(p.bound))
	for i, s := range p.bound {
		if s.can != "" && !can(s.can) {
			if !s.null {
				return false
			}
			r.bound[i].denied = true
			continue
		}
		if s.args != nil {
			args, err := s.args(r.Ctx, r.Engine, s.Field.ArgumentMap(variables))
			if err != nil {
				return false
			}
			r.bound[i].args = &graphql.FieldContext{Args: args}
		}
	}
	return true
}

// Args are the arguments of a step, where generated code looks for them.
func (r *Run) Args(s *Step) *graphql.FieldContext { return r.bound[s.index].args }

// Fail gives the writing up.
func (r *Run) Fail(b []byte) []byte {
	r.failed = true
	return Null(b)
}

// Object appends an object whose selection is that of the step.
func (r *Run) Object(b []byte, obj any, s *Step) []byte { return r.selected(b, obj, s.of[0].Selection) }

// Abstract appends an object of the type; without one, null where it may be.
func (r *Run) Abstract(b []byte, typ string, obj any, nullable bool, s *Step) []byte {
	if obj == nil && nullable {
		return Null(b)
	}
	for _, t := range s.of {
		if t.Type == typ {
			return r.selected(b, obj, t.Selection)
		}
	}
	return r.Fail(b)
}

func (r *Run) selected(b []byte, obj any, selection *Selection) []byte {
	b = append(b, '{')
	for i := range selection.Steps {
		if r.failed {
			return b
		}
		s := &selection.Steps[i]
		b = append(b, s.key...)
		if s.index >= 0 && r.bound[s.index].denied {
			b = Null(b)
			continue
		}
		b = s.write(r, b, obj, s)
	}
	return append(b, '}')
}

// Pointer appends an object, or null where it may be.
func Pointer[T any](r *Run, b []byte, v *T, nullable bool, s *Step) []byte {
	switch {
	case v != nil:
		return r.Object(b, v, s)
	case nullable:
		return Null(b)
	default:
		return r.Fail(b)
	}
}

// List appends the values of a list.
func List[T any](r *Run, b []byte, list []T, nullable bool, each func(b []byte, v T) []byte) []byte {
	if list == nil && nullable {
		return Null(b)
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b = each(b, v); r.failed {
			return b
		}
	}
	return append(b, ']')
}

// Optional appends a value, or null where it may be.
func Optional[T any](r *Run, b []byte, v *T, nullable bool, value func(b []byte, v T) []byte) []byte {
	switch {
	case v != nil:
		return value(b, *v)
	case nullable:
		return Null(b)
	default:
		return r.Fail(b)
	}
}

// Marshal appends what the engine made of a field.
func (r *Run) Marshal(b []byte, m graphql.Marshaler) []byte {
	if m == nil {
		return r.Fail(b)
	}
	w := bytes.NewBuffer(b)
	m.MarshalGQL(w)
	if len(graphql.GetErrors(r.Ctx)) > 0 {
		r.failed = true
	}
	return w.Bytes()
}
