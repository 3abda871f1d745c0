package cache

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"reflect"
	"sync"
)

// An answer in Redis is a header and JSON. The header has the shape of the Go type,
// so that servers of two versions, as during a rolling restart, do not take each
// other's answers for their own, and a checksum of the rest.
const headerSize = 8 + 4

var (
	errShape    = errors.New("answer of another shape")
	errChecksum = errors.New("answer is damaged")
)

func encode[V any](v V) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	b := make([]byte, headerSize, headerSize+len(body))
	binary.BigEndian.PutUint64(b, shapeOf(reflect.TypeFor[V]()))
	binary.BigEndian.PutUint32(b[8:], crc32.ChecksumIEEE(body))
	return append(b, body...), nil
}

func decode[V any](b []byte) (v V, err error) {
	if len(b) < headerSize || binary.BigEndian.Uint64(b) != shapeOf(reflect.TypeFor[V]()) {
		return v, errShape
	}
	body := b[headerSize:]
	if binary.BigEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(body) {
		return v, errChecksum
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("decode %T: %w", v, err)
	}
	return v, nil
}

var shapes sync.Map // of reflect.Type to uint64

// shapeOf is a hash of the names, types and tags that a type is made of.
func shapeOf(t reflect.Type) uint64 {
	known, _ := shapes.Load(t)
	if shape, ok := known.(uint64); ok {
		return shape
	}
	h := fnv.New64a()
	describe(h, t, map[reflect.Type]bool{})
	shape := h.Sum64()
	shapes.Store(t, shape)
	return shape
}

func describe(w interface{ Write(b []byte) (int, error) }, t reflect.Type, known map[reflect.Type]bool) {
	_, _ = fmt.Fprintf(w, "%s %s;", t, t.Kind()) // a hash takes everything
	if known[t] {
		return
	}
	known[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() {
				_, _ = fmt.Fprintf(w, "%s %s ", f.Name, f.Tag)
				describe(w, f.Type, known)
			}
		}
	case reflect.Map:
		describe(w, t.Key(), known)
		describe(w, t.Elem(), known)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		describe(w, t.Elem(), known)
	default:
	}
}
