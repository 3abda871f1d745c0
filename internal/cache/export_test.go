package cache

// Settle waits until the in-process store has taken what it was given.
func (c *Cache) Settle() {
	if c.process != nil {
		c.process.Wait()
	}
}

// Tables are all that feed a namespace.
var Tables = tables

// Codec of answers in Redis.
func Encode[V any](v V) ([]byte, error) { return encode(v) }
func Decode[V any](b []byte) (V, error) { return decode[V](b) }
