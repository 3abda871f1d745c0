package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
)

// Kind is the type of a sort column.
type Kind uint8

// Kinds.
const (
	Time Kind = iota
	Text
	Day    // calendar.Date
	Number // int or int64
)

// version is the first byte of every cursor; raise it when the layout changes.
const version = 1

// sealSize is how much of the seal a cursor carries. Eight bytes are enough to
// notice an altered cursor; a cursor gives no right that its holder lacks.
const sealSize = 8

// maxCursor bounds what is decoded: the longest sort value has 200 letters.
const maxCursor = 2048

var strict = base64.RawURLEncoding.Strict()

// Codec makes and reads cursors. It seals them with a key, so that one that was
// made up or altered is told from a real one.
type Codec struct{ seals sync.Pool } // of hash.Hash, which are dear to make and cheap to use again

// NewCodec makes a codec. Servers that share clients must share the key.
func NewCodec(key []byte) *Codec {
	return &Codec{seals: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Hash is the fingerprint of a list and its filter. The value is hashed as JSON.
func Hash(list string, filter any) (uint64, error) {
	b, err := json.Marshal(filter)
	if err != nil {
		return 0, fmt.Errorf("hash filter of %s: %w", list, err)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(list))
	_, _ = h.Write(b)
	return h.Sum64(), nil
}

// A cursor is: version, filter hash, direction, length and name of the order, id,
// value, seal.
func (c *Codec) encode(o Order, filter uint64, at position) string {
	b := make([]byte, 0, 96) // with room for the whole seal
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, filter)
	b = append(b, direction(o), nameLength(o))
	b = append(b, o.Name...)
	b = binary.AppendVarint(b, at.id)
	switch v := at.value.(type) {
	case time.Time:
		b = binary.AppendVarint(b, v.UnixMicro())
	case string:
		b = append(b, v...)
	case calendar.Date:
		b = append(b, v.String()...)
	case int:
		b = binary.AppendVarint(b, int64(v))
	case int64:
		b = binary.AppendVarint(b, v)
	default:
		panic(fmt.Sprintf("page: no cursor for a %T", v))
	}
	return base64.RawURLEncoding.EncodeToString(c.seal(b))
}

func (c *Codec) seal(b []byte) []byte {
	m, ok := c.seals.Get().(hash.Hash)
	if !ok {
		panic("page: the pool has something else")
	}
	defer c.seals.Put(m)
	m.Reset()
	_, _ = m.Write(b)
	return m.Sum(b)[:len(b)+sealSize]
}

func (c *Codec) decode(s string, o Order, filter uint64) (*position, error) {
	refused := apperr.New(apperr.BadCursor)
	// The base64 decoder skips line breaks, which no cursor of ours has.
	if len(s) > maxCursor || strings.ContainsAny(s, "\r\n") {
		return nil, refused
	}
	sealed, err := strict.DecodeString(s)
	if err != nil || len(sealed) <= sealSize {
		return nil, refused
	}
	b := sealed[: len(sealed)-sealSize : len(sealed)-sealSize]
	if !hmac.Equal(c.seal(b), sealed) {
		return nil, refused
	}
	head := append(binary.BigEndian.AppendUint64([]byte{version}, filter), direction(o), nameLength(o))
	head = append(head, o.Name...)
	if len(b) < len(head) || string(b[:len(head)]) != string(head) {
		return nil, refused
	}
	b = b[len(head):]
	id, n := binary.Varint(b)
	if n <= 0 {
		return nil, refused
	}
	at := position{id: id}
	switch b = b[n:]; o.Kind {
	case Time:
		micros, n := binary.Varint(b)
		if n != len(b) || n <= 0 {
			return nil, refused
		}
		at.value = time.UnixMicro(micros).UTC()
	case Text:
		if !utf8.Valid(b) {
			return nil, refused
		}
		at.value = string(b)
	case Day:
		day, err := calendar.ParseDate(string(b))
		if err != nil {
			return nil, refused
		}
		at.value = day
	case Number:
		number, n := binary.Varint(b)
		if n != len(b) || n <= 0 {
			return nil, refused
		}
		at.value = number
	}
	return &at, nil
}

// nameLength is one byte; names of orders are short constants.
func nameLength(o Order) byte { return byte(len(o.Name) & 0xff) }

func direction(o Order) byte {
	if o.Desc {
		return 1
	}
	return 0
}
