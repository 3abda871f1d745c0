//go:build long

package graph_test

import (
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

func TestManyCompiledSelectionsAnswerLikeTheEngine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) { compareRandom(t, db, 20_000) })
}
