// Package idempotency lets a client repeat a create safely: under the same key and
// input it gets the first result, under the same key and another input a refusal.
package idempotency

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/idempotencykey"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

// Once runs create unless the one who asks has already run it under the key within
// ttl; then it returns the id of the record made the first time. It works inside
// the creating transaction: a second request under the same key waits for the
// first to end, and a rolled-back create leaves the key free.
func Once(ctx context.Context, tx *ent.Tx, now time.Time, ttl time.Duration, key *string, operation string, input any, create func() (int64, error)) (int64, error) {
	if key == nil {
		return create()
	}
	hash, err := hashOf(input)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operation, err)
	}
	user := actor.From(ctx).ID
	// A key that has expired is taken over.
	claim, err := tx.IdempotencyKey.Create().SetUserID(user).SetKey(*key).SetOperation(operation).SetInputHash(hash).
		SetEntityID(0).SetCreatedAt(now).
		OnConflict(entsql.ConflictColumns(idempotencykey.FieldUserID, idempotencykey.FieldKey), entsql.ResolveWithNewValues(),
			entsql.UpdateWhere(entsql.LT(idempotencykey.FieldCreatedAt, now.Add(-ttl)))).ID(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return first(ctx, tx, user, *key, operation, hash)
	}
	if err != nil {
		return 0, fmt.Errorf("claim an idempotency key: %w", err)
	}
	id, err := create()
	if err != nil {
		return 0, err
	}
	if err := tx.IdempotencyKey.Update().Where(idempotencykey.ID(claim)).SetEntityID(id).Exec(ctx); err != nil {
		return 0, fmt.Errorf("keep an idempotency key: %w", err)
	}
	return id, nil
}

// first is the record that was made under the key before.
func first(ctx context.Context, tx *ent.Tx, user int64, key, operation, hash string) (int64, error) {
	k, err := tx.IdempotencyKey.Query().Where(idempotencykey.UserID(user), idempotencykey.Key(key)).Only(ctx)
	if err != nil {
		return 0, fmt.Errorf("read an idempotency key: %w", err)
	}
	if k.Operation != operation || k.InputHash != hash {
		return 0, apperr.New(apperr.IdempotencyKeyReused)
	}
	return k.EntityID, nil
}

func hashOf(input any) (string, error) {
	b, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("hash input: %w", err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

// sweepBatch keeps each removal short for those who wait to write.
const sweepBatch = 1000

// Sweep removes the keys that were made before the time.
func Sweep(ctx context.Context, db *store.DB, before time.Time) (removed int, err error) {
	for {
		n := 0
		err := db.InTx(ctx, func(tx *ent.Tx) error {
			ids, err := tx.IdempotencyKey.Query().Where(idempotencykey.CreatedAtLT(before)).Limit(sweepBatch).IDs(ctx)
			if err != nil {
				return err
			}
			n, err = tx.IdempotencyKey.Delete().Where(idempotencykey.IDIn(ids...)).Exec(ctx)
			return err
		})
		removed += n
		if err != nil || n < sweepBatch {
			return removed, err
		}
	}
}
