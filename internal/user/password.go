package user

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"aliaport/internal/apperr"
	"aliaport/internal/turkish"
)

// cost is what one hash takes: 19 MiB and two passes, about 40 ms of one core.
// Hashes remember the cost they were made with, so it can be raised later.
var cost = params{memory: 19 * 1024, passes: 2, lanes: 1}

const (
	saltSize = 16
	hashSize = 32
)

type params struct {
	memory, passes uint32 // KiB, iterations
	lanes          uint8
}

// The most that a stored hash may cost. argon2 panics when passes or lanes are 0,
// and no server has the memory for the largest numbers that can be written.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 100
)

func (p params) bearable() bool {
	return p.memory <= maxMemory && p.passes >= 1 && p.passes <= maxPasses && p.lanes >= 1
}

// Hasher hashes passwords with argon2id. At most as many hashes as cores are
// worked on at once; a bounded number of others waits for a bounded time, and the
// rest is told to come back, so that a burst of logins takes neither all memory
// nor everybody's time.
type Hasher struct {
	slots   *semaphore.Weighted
	waiting atomic.Int64
	// MaxWaiting is how many may wait for a turn, MaxWait how long each of them.
	MaxWaiting int64
	MaxWait    time.Duration
}

// NewHasher makes a hasher with a slot a core.
func NewHasher() *Hasher {
	return &Hasher{slots: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))), MaxWaiting: 64, MaxWait: 2 * time.Second}
}

// Hash hashes a password with a new salt, in the PHC string form.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.sum(ctx, password, salt, cost)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.memory, cost.passes, cost.lanes, b64(salt), b64(sum)), nil
}

// Verify tells whether the password belongs to the hash. An empty hash belongs to
// no password, but costs the same: the answer must not tell which accounts exist.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (bool, error) {
	if encoded == "" {
		_, err := h.sum(ctx, password, make([]byte, saltSize), cost)
		return false, err
	}
	p, salt, want, err := decode(encoded)
	if err != nil {
		return false, err
	}
	got, err := h.sum(ctx, password, salt, p)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

func (h *Hasher) sum(ctx context.Context, password string, salt []byte, p params) ([]byte, error) {
	if err := h.turn(ctx); err != nil {
		return nil, err
	}
	defer h.slots.Release(1)
	return argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.lanes, hashSize), nil
}

// turn waits for a slot.
func (h *Hasher) turn(ctx context.Context) error {
	if h.slots.TryAcquire(1) {
		return nil
	}
	busy := apperr.New(apperr.RateLimited)
	busy.RetryAfter = h.MaxWait
	if h.waiting.Add(1) > h.MaxWaiting {
		h.waiting.Add(-1)
		return busy
	}
	defer h.waiting.Add(-1)
	patience, cancel := context.WithTimeout(ctx, h.MaxWait)
	defer cancel()
	switch err := h.slots.Acquire(patience, 1); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("wait to hash a password: %w", err)
	}
	return busy
}

var errHash = errors.New("not an argon2id hash")

func decode(encoded string) (p params, salt, sum []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return p, nil, nil, errHash
	}
	const form = "v=%d$m=%d,t=%d,p=%d"
	var version int
	given := parts[2] + "$" + parts[3]
	if _, err := fmt.Sscanf(given, form, &version, &p.memory, &p.passes, &p.lanes); err != nil {
		return p, nil, nil, errors.Join(errHash, err)
	}
	if given != fmt.Sprintf(form, argon2.Version, p.memory, p.passes, p.lanes) || !p.bearable() {
		return p, nil, nil, errHash
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return p, nil, nil, errors.Join(errHash, err)
	}
	sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(sum) != hashSize {
		return p, nil, nil, errors.Join(errHash, err)
	}
	return p, salt, sum, nil
}

// Length of a password in characters.
const (
	minPassword = 8
	maxPassword = 100
)

// checkPassword refuses a new password that is too easy: it needs 8 to 100
// characters with an upper-case letter, a lower-case letter and a digit.
func checkPassword(field, password string) *apperr.Error {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword || turkish.HasControl(password) {
		return apperr.Invalid(field, apperr.Length, "min", minPassword, "max", maxPassword)
	}
	if !strings.ContainsFunc(password, unicode.IsUpper) || !strings.ContainsFunc(password, unicode.IsLower) || !strings.ContainsFunc(password, unicode.IsDigit) {
		return apperr.Invalid(field, apperr.WeakPassword)
	}
	return nil
}
