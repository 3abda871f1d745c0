package user

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/passwordreset"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/limit"
	"aliaport/internal/notification"
)

// Resets are passwords forgotten and set anew by e-mail.
type Resets struct {
	// Mail says whether e-mails leave the house; otherwise nobody can ask for one.
	Mail bool
	// Key derives tokens. A copy of the database, which lacks it, gives none away.
	Key []byte
	// Page is the address to which the token is added in e-mails; empty: the token alone.
	Page string
	// PerAddress and PerAccount hold off floods of requests, Tries of tokens; nil: nothing does.
	PerAddress, PerAccount, Tries *limit.Limiter
}

// resetLifetime is for how long a token is good.
const resetLifetime = time.Hour

// token is what the e-mail carries.
func (r *Resets) token(nonce string) string {
	mac := hmac.New(sha256.New, r.Key)
	mac.Write([]byte(nonce))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// RequestReset sends a token for a new password to an account. Answer and work are the
// same whether or not the account exists: a row for the request, one for the outbox and
// one for the trail.
func (s *Service) RequestReset(ctx context.Context, email string) error {
	if !s.Resets.Mail {
		return apperr.New(apperr.MailOff)
	}
	if !looksLikeEmail(normalEmail(email)) {
		return apperr.Invalid("email", apperr.Email)
	}
	if err := s.admitReset(ctx, email); err != nil {
		return err
	}
	nonce := rand.Text() + rand.Text()
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		now := s.Now()
		users, err := tx.User.Query().Where(entuser.Email(normalEmail(email)), entuser.IsActive(true)).Limit(1).IDs(ctx)
		if err != nil {
			return fmt.Errorf("find the account of a password reset: %w", err)
		}
		c := tx.PasswordReset.Create().SetNonce(nonce).SetTokenHash(hashToken(s.Resets.token(nonce))).SetCreatedAt(now).SetExpiresAt(now.Add(resetLifetime))
		d := tx.NotificationDelivery.Create().SetChannel(notificationdelivery.ChannelEmail).SetNextAt(now).SetCreatedAt(now)
		event := audit.Event{Action: audit.ResetRequest, Resource: audit.User, Extra: map[string]any{"account": shownAccount(email)}}
		if len(users) > 0 {
			event.EntityID = users[0]
			c.SetUserID(users[0])
			d.SetUserID(users[0])
		} else { // there is nobody to send it to
			d.SetStatus(notificationdelivery.StatusSent).SetFinishedAt(now)
		}
		r, err := c.Save(ctx)
		if err != nil {
			return fmt.Errorf("store a password reset: %w", err)
		}
		if err := d.SetResetID(r.ID).Exec(ctx); err != nil {
			return fmt.Errorf("send a password reset: %w", err)
		}
		return audit.Record(ctx, tx, now, event)
	})
}

func (s *Service) admitReset(ctx context.Context, email string) error {
	account := sha256.Sum256([]byte(normalEmail(email)))
	for _, by := range []struct {
		limiter *limit.Limiter
		key     string
	}{
		{s.Resets.PerAddress, limit.AddressKey(actor.RequestFrom(ctx).IP)},
		{s.Resets.PerAccount, "account:" + base64.RawURLEncoding.EncodeToString(account[:])},
	} {
		if err := s.admitBy(ctx, by.limiter, by.key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) admitBy(ctx context.Context, limiter *limit.Limiter, key string) error {
	r := limiter.Take(ctx, key, 1)
	if !r.Refused {
		return nil
	}
	s.Refusals.Note(ctx, "reset "+key, audit.Event{Action: audit.RateLimited, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.RateLimited})
	return r.Error()
}

// ResetPassword gives the owner of a token a new password and ends all their sessions.
// A token is good once; its use ends the others of the account.
func (s *Service) ResetPassword(ctx context.Context, token, next string) error {
	if e := checkPassword("newPassword", next); e != nil {
		return e
	}
	if err := s.admitBy(ctx, s.Resets.Tries, limit.AddressKey(actor.RequestFrom(ctx).IP)); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, next) // whether or not the token is good
	if err != nil {
		return err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		now := s.Now()
		refused := apperr.New(apperr.ResetInvalid).At("token")
		r, err := tx.PasswordReset.Query().Where(passwordreset.TokenHash(hashToken(strings.TrimSpace(token)))).WithUser().Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return refused
		case err != nil:
			return fmt.Errorf("find a password reset: %w", err)
		case r.UserID == nil || r.UsedAt != nil || !r.ExpiresAt.After(now):
			return refused
		}
		id := *r.UserID
		if err := s.lock(ctx, tx, id); err != nil {
			return err
		}
		// The test is part of the UPDATE: of two who show it at once, one is late.
		n, err := tx.PasswordReset.Update().Where(passwordreset.ID(r.ID), passwordreset.UsedAtIsNil()).SetUsedAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("use password reset %d: %w", r.ID, err)
		}
		if n == 0 {
			return refused
		}
		if err := tx.PasswordReset.Update().Where(passwordreset.UserID(id), passwordreset.UsedAtIsNil()).SetUsedAt(now).Exec(ctx); err != nil {
			return fmt.Errorf("end the password resets of user %d: %w", id, err)
		}
		n, err = tx.User.Update().Where(entuser.ID(id), entuser.IsActive(true)).
			SetPasswordHash(hash).SetFailedLogins(0).ClearLockedUntil().SetUpdatedAt(now).AddVersion(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("reset the password of user %d: %w", id, err)
		}
		if n == 0 {
			return refused
		}
		if err := s.revoke(ctx, tx, id); err != nil {
			return err
		}
		owner := r.Edges.User
		return audit.Record(actor.With(ctx, actor.New(id, owner.Email, owner.FullName, nil, nil)), tx, now,
			audit.Event{Action: audit.PasswordReset, Resource: audit.User, EntityID: id, Extra: map[string]any{"by": "e-mail"}})
	})
	if refused, ok := errors.AsType[*apperr.Error](err); ok && refused.Code == apperr.ResetInvalid {
		s.Refusals.Note(ctx, "reset token", audit.Event{Action: audit.PasswordReset, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.ResetInvalid})
	}
	return err
}

var (
	resetSubject = notification.Words{TR: "Yeni parola", EN: "A new password"}
	resetBody    = notification.Words{
		TR: "Hesabınız için yeni bir parola istendi. {minutes} dakika içinde bir kez kullanabilirsiniz:\n\n{way}\n\nBunu siz istemediyseniz hiçbir şey yapmanız gerekmez.\n",
		EN: "A new password was asked for your account. Within {minutes} minutes you may use this once:\n\n{way}\n\nIf it was not you who asked, there is nothing to do.\n",
	}
)

// ResetMail is the e-mail that carries the token of a reset.
func (s *Service) ResetMail(r *ent.PasswordReset, lang apperr.Lang) (subject, body string) {
	way := s.Resets.token(r.Nonce)
	if s.Resets.Page != "" { // behind #: it is not sent to servers, nor kept in their logs
		way = s.Resets.Page + "#token=" + url.QueryEscape(way)
	}
	return resetSubject.In(lang, nil), resetBody.In(lang, map[string]any{"minutes": int(resetLifetime.Minutes()), "way": way})
}

// SweepResets removes requests for new passwords that have been over for a day.
func (s *Service) SweepResets(ctx context.Context) (removed int, err error) {
	const day = 24 * time.Hour
	for {
		n := 0
		err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
			ids, err := tx.PasswordReset.Query().Where(passwordreset.ExpiresAtLT(s.Now().Add(-day))).Limit(sweepBatch).IDs(ctx)
			if err != nil {
				return err
			}
			n, err = tx.PasswordReset.Delete().Where(passwordreset.IDIn(ids...)).Exec(ctx)
			return err
		})
		removed += n
		if err != nil || n < sweepBatch {
			return removed, err
		}
	}
}
