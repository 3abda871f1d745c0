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

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
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

// Hasher hashes passwords with argon2id. At most as many hashes as cores are
// worked on at once; others wait their turn, so that a burst of logins cannot take
// all memory and all cores.
type Hasher struct{ slots *semaphore.Weighted }

// NewHasher makes a hasher with a slot a core.
func NewHasher() *Hasher { return &Hasher{semaphore.NewWeighted(int64(runtime.NumCPU()))} }

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
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait to hash a password: %w", err)
	}
	defer h.slots.Release(1)
	return argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.lanes, hashSize), nil
}

var errHash = errors.New("not an argon2id hash")

func decode(encoded string) (p params, salt, sum []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return p, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.lanes); err != nil {
		return p, nil, nil, errors.Join(errHash, err)
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
