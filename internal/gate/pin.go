package gate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/gatepin"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
)

// A PIN is locked for lockTime after maxTries wrong ones in a row.
const (
	maxTries = 5
	lockTime = 15 * time.Minute
)

var pinForm = regexp.MustCompile(`^[0-9]{6,12}$`)

// PinInput is an officer's new PIN.
type PinInput struct {
	Pin      string
	Password string // of the officer, to prove that it is they
}

// SetPIN gives the one who asks a new PIN for exceptions. It also ends a lock.
func (s *Service) SetPIN(ctx context.Context, in PinInput) error {
	if err := actor.Require(ctx, actor.GateException); err != nil {
		return err
	}
	if !pinForm.MatchString(in.Pin) {
		return apperr.Invalid("pin", apperr.PIN)
	}
	if err := s.Users.Confirm(ctx, "password", in.Password); err != nil {
		return err
	}
	hash, err := s.Users.Hasher.Hash(ctx, in.Pin)
	if err != nil {
		return err
	}
	who, now := actor.From(ctx), s.Now()
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		err := tx.GatePin.Create().SetUserID(who.ID).SetPinHash(hash).SetCreatedAt(now).SetUpdatedAt(now).
			OnConflict(sql.ConflictColumns(gatepin.FieldUserID)).
			Update(func(u *ent.GatePinUpsert) {
				u.UpdatePinHash().SetFailedTries(0).ClearLockedUntil().UpdateUpdatedAt()
			}).Exec(ctx)
		if err != nil {
			return fmt.Errorf("keep the PIN of user %d: %w", who.ID, err)
		}
		return audit.Record(ctx, tx, now, audit.Event{Action: audit.Update, Resource: audit.GatePIN, EntityID: who.ID})
	})
}

// try is an attempt that was counted before it was judged.
type try struct {
	hash  string // empty: there is no PIN, or it is locked
	locks bool   // it was the last one allowed
}

// prove checks the PIN of the one who asks. Whether it is wrong, locked or was never
// set, the answer is the same after the same hashing. The hashing takes nobody's
// turn to write.
func (s *Service) prove(ctx context.Context, pin string) error {
	t, err := s.count(ctx)
	if err != nil {
		return err
	}
	ok, err := s.Users.Hasher.Verify(ctx, pin, t.hash)
	if err != nil {
		return err
	}
	if !ok {
		return s.wrong(ctx, t)
	}
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		n, err := tx.GatePin.Update().Where(gatepin.UserID(actor.From(ctx).ID), gatepin.PinHash(t.hash)).
			SetFailedTries(0).ClearLockedUntil().SetUpdatedAt(s.Now()).Save(ctx)
		if err != nil {
			return fmt.Errorf("note a right PIN: %w", err)
		}
		if n == 0 { // there is another one meanwhile
			return invalidPIN()
		}
		return nil
	})
}

func invalidPIN() *apperr.Error {
	return apperr.New(apperr.GateLogPIN).At("exception", "pin")
}

// count counts an attempt as failed; success sets the count back. Counting comes
// first, in one statement, so that guesses sent at once are all counted before any
// is judged, and the fifth of them locks the others out.
func (s *Service) count(ctx context.Context) (t try, err error) {
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		rows, err := tx.QueryContext(ctx, `UPDATE gate_pins SET updated_at = $1,
			failed_tries = CASE WHEN locked_until IS NULL THEN failed_tries + 1 ELSE 1 END,
			locked_until = CASE WHEN locked_until IS NOT NULL THEN NULL WHEN failed_tries + 1 < $2 THEN locked_until ELSE $3 END
			WHERE user_id = $4 AND (locked_until IS NULL OR locked_until <= $5)
			RETURNING pin_hash, locked_until IS NOT NULL`, now, maxTries, now.Add(lockTime), actor.From(ctx).ID, now)
		if err != nil {
			return fmt.Errorf("count a PIN: %w", err)
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		t = try{}
		if rows.Next() {
			if err := rows.Scan(&t.hash, &t.locks); err != nil {
				return fmt.Errorf("count a PIN: %w", err)
			}
		}
		return rows.Err()
	})
	return t, err
}

// wrong is the answer to a wrong PIN. It stays counted even when the client has gone.
func (s *Service) wrong(ctx context.Context, t try) error {
	if !t.locks {
		return invalidPIN()
	}
	ctx = context.WithoutCancel(ctx)
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Lock, Resource: audit.GatePIN, EntityID: actor.From(ctx).ID, Extra: map[string]any{"minutes": lockTime.Minutes()},
		})
	})
	if err != nil {
		return err
	}
	return invalidPIN()
}
