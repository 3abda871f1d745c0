package job_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aliaport/ent/jobrun"
	"aliaport/internal/aliatest"
	"aliaport/internal/job"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestAJobThatEndsWhileTheDatabaseIsReadOnlyIsNotedAfterwards: it does not run again,
// neither here nor on another server, and nothing is called an error.
func TestAJobThatEndsWhileTheDatabaseIsReadOnlyIsNotedAfterwards(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var ran atomic.Int64
		begun, end := make(chan struct{}, 5), make(chan struct{})
		d := job.Definition{Name: "long", Run: func(context.Context, *job.Run) (int64, error) {
			ran.Add(1)
			begun <- struct{}{}
			<-end
			return 5, nil
		}}
		log := &lines{}
		soon := func(o *job.Options) {
			o.Lost, o.Log = time.Second, slog.New(slog.NewTextHandler(log, nil))
		}
		start(t, quick(t, db, soon, d))
		s := quick(t, db, soon, d)
		start(t, s)
		r, err := s.RunNow(operator(t), "long")
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		order := readonly.Order{Reason: "move", By: "test", Now: time.Now}
		if _, err := readonly.On(t.Context(), db, order); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // it has long been silent, and goes on
		close(end)
		time.Sleep(2 * time.Second)
		if err := readonly.Off(t.Context(), db, order); err != nil {
			t.Fatal(err)
		}
		if r := ended(t, db, r.ID); r.State != jobrun.StateSucceeded || r.Attempts != 1 || ran.Load() != 1 || *r.Rows != 5 {
			t.Errorf("ran %d times: %v", ran.Load(), r)
		}
		if text := log.String(); strings.Contains(text, "level=ERROR") {
			t.Errorf("logged %s", text)
		}
	})
}
