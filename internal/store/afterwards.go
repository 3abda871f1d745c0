package store

import (
	"context"
	"time"
)

// afterwards is how long what follows a commit may take.
const afterwards = 5 * time.Second

// Afterwards is the context for what follows a commit, such as reading the record
// again for the answer: the deed is done, and must not look failed because the
// request's time ran out just then.
func Afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), afterwards)
}
