package backup_test

import (
	"crypto/sha256"
	"encoding/hex"
)

func sha(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}
