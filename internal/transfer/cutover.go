package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"aliaport/internal/changes"
	"aliaport/internal/proof"
	"aliaport/internal/readonly"
)

const msec = time.Millisecond

// CutOver ends the move: it makes the source read only, copies and proves the last
// changes, and says that the target may be served; the window is the time between. Then
// it proves all rows of both as they were at that moment, while the target is served.
//
// The source stays read only, so that nobody writes to the database that was left. If
// anything fails within the window it takes writes again, and the port goes on there.
func CutOver(ctx context.Context, o Options, by string, serve func(window time.Duration)) (report *Report, err error) {
	o = o.withDefaults()
	o.Only = nil
	tables, err := Select(nil)
	if err != nil {
		return nil, err
	}
	to := target{o.To}
	switch done, err := to.provenCopy(ctx, o); {
	case err != nil:
		return nil, err
	case !done:
		return nil, ErrNotProven
	}
	if err := to.chase(ctx, o); err != nil {
		return nil, err
	}
	if o.Questions != nil {
		// Asked once for nothing: what both databases have to fetch from disk for them is in
		// memory when nobody can write.
		if _, err := o.Questions(ctx, o.From, o.To); err != nil {
			return nil, err
		}
		if err := to.chase(ctx, o); err != nil {
			return nil, err
		}
	}
	began := o.Now()
	order := readonly.Order{Reason: "moved to " + o.ToName, By: by, Now: o.Now}
	if _, err := readonly.On(ctx, o.From, order); err != nil && !errors.Is(err, readonly.ErrOn) {
		return nil, err
	}
	back := func(err error) (*Report, error) {
		if err == nil {
			return nil, nil //nolint:nilnil // nothing to take back
		}
		order.Reason = "the move failed"
		return nil, errors.Join(err, readonly.Off(context.WithoutCancel(ctx), o.From, order))
	}
	identities, err := to.last(ctx, o, tables)
	if err != nil {
		return back(err)
	}
	// What was asked of both is the same only now: the source stands still, and nobody
	// has written to the target yet.
	var answers []Answer
	if o.Questions != nil {
		if answers, err = o.Questions(ctx, o.From, o.To); err != nil {
			return back(err)
		}
		for _, a := range answers {
			if !a.Equal {
				return back(fmt.Errorf("%w: the question %q is answered differently:\n%s\n%s", ErrDifferent, a.Question, a.Here, a.There))
			}
		}
	}
	// From here on the target may change; its proof is of this moment.
	here, err := proof.Open(ctx, o.From, o.Workers)
	if err != nil {
		return back(err)
	}
	defer func() { err = errors.Join(err, here.Close()) }()
	there, err := proof.Open(ctx, o.To, o.Workers)
	if err != nil {
		return back(err)
	}
	defer func() { err = errors.Join(err, there.Close()) }()
	serve(o.Now().Sub(began))

	r := &Report{Version: 1, From: o.FromName, To: o.ToName, Began: began.UTC().Truncate(time.Second), Identities: identities, Answers: answers}
	if err := r.compare(ctx, o, here, there, tables); err != nil {
		return nil, err
	}
	if err := r.constraints(ctx, to, o); err != nil {
		return nil, err
	}
	r.end(o, began)
	if !r.Equal {
		return r, nil
	}
	if err := changes.Remove(ctx, o.From); err != nil {
		return r, err
	}
	return r, to.finish(ctx)
}

// last copies what was written before the source became read only, and sets and proves
// the next keys.
func (t target) last(ctx context.Context, o Options, tables []*proof.Table) ([]Identity, error) {
	for {
		if _, _, err := t.follow(ctx, o); err != nil {
			return nil, err
		}
		left, err := changes.Pending(ctx, o.From.Reader())
		if err != nil {
			return nil, err
		}
		if left == 0 {
			break
		}
	}
	want, err := nexts(ctx, o.From, tables)
	if err != nil {
		return nil, err
	}
	if err := t.number(ctx, tables, want); err != nil {
		return nil, err
	}
	identities, err := t.identities(ctx, tables, want)
	if err != nil {
		return nil, err
	}
	for _, id := range identities {
		if !id.Fits() {
			return nil, fmt.Errorf("%w: the next key of %s would be %d, want %d", ErrDifferent, id.Table, id.Got, id.Want)
		}
	}
	return identities, nil
}
