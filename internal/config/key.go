package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ServingFaults is what only the server minds: other commands sign no tokens.
func (c *Config) ServingFaults() Faults {
	if c.JWTKey != "" || c.IsSQLite() {
		return nil
	}
	return Faults{{
		variable("JWTKey"), "is not set",
		"on PostgreSQL all servers need the same key of at least 32 bytes; make one with: openssl rand -hex 32",
	}}
}

// KeyPath is where the key of a server on SQLite is kept when none is set.
func (c *Config) KeyPath() string {
	if !c.IsSQLite() {
		return ""
	}
	return c.SQLitePath() + ".jwt-key"
}

// EnsureJWTKey reads the key that is kept beside the SQLite file into JWTKey, unless one
// is set. The first start makes it; of several that start at once one wins.
func (c *Config) EnsureJWTKey() error {
	path := c.KeyPath()
	if c.JWTKey != "" || path == "" {
		return nil
	}
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return fmt.Errorf("make signing key %s: %w", path, err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return fmt.Errorf("read signing key: %w", err)
	}
	c.JWTKey = key
	return nil
}

func readKey(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: run chmod 600 on it, and delete it if somebody may have", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // beside the operator's database
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if len(key) < MinJWTKey {
		return "", fmt.Errorf("%s has %d bytes: delete it to have a new one made", path, len(key))
	}
	return Secret(key), nil
}

// makeKey writes the key under another name first, so that nobody reads half of it.
func makeKey(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".jwt-key-*") // readable by nobody else
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	key := make([]byte, MinJWTKey)
	_, _ = rand.Read(key) // never fails
	_, err = tmp.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
