package cache_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	goredis "github.com/redis/go-redis/v9"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/cache"
	"aliaport/internal/redis"
	"aliaport/internal/store"
)

// newCache makes one in the mode; those that share the database share Redis.
func newCache(t *testing.T, db *store.DB, mode cache.Mode, o cache.Options) *cache.Cache {
	t.Helper()
	o.Mode, o.MaxBytes, o.Log = mode, 1<<20, slog.New(slog.DiscardHandler)
	if o.LoadTimeout == 0 {
		o.LoadTimeout = 5 * time.Second
	}
	if mode != cache.Memory {
		server, err := redis.New("redis://"+aliatest.RedisAddr(t)+"/9", time.Second, o.Log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		o.Redis = server
	}
	c, err := cache.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// eachStore runs the test with every place that answers can be kept in.
func eachStore(t *testing.T, test func(t *testing.T, db *store.DB, mode cache.Mode)) {
	t.Helper()
	for _, mode := range []cache.Mode{cache.Memory, cache.Redis, cache.Auto} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) { test(t, db, mode) })
		})
	}
}

// reader reads an answer and counts how often it had to.
type reader struct {
	key   string // no other test's
	loads atomic.Int64
}

func newReader() *reader { return &reader{key: strconv.FormatUint(rand.Uint64(), 36)} }

func (r *reader) read(t *testing.T, c *cache.Cache, db *store.DB) []*ent.Parameter {
	t.Helper()
	rows, err := cache.Get(cache.With(t.Context()), c, cache.Parameters, r.key, func(ctx context.Context) ([]*ent.Parameter, error) {
		r.loads.Add(1)
		return db.Parameter.Query().All(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Settle()
	return rows
}

func (r *reader) loaded(t *testing.T, want int64, after string) {
	t.Helper()
	if got := r.loads.Load(); got != want {
		t.Errorf("%s: read %d times, want %d", after, got, want)
	}
}

func TestAnAnswerIsReadOnceAndAfterEveryChange(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, db *store.DB, mode cache.Mode) {
		c, r := newCache(t, db, mode, cache.Options{}), newReader()
		p := db.Parameter.Create().SetCategory("X").SetCode("X").SetName("İskele ücreti").SetValue("1").SetDescription("x").SaveX(t.Context())
		first := r.read(t, c, db)
		second := r.read(t, c, db)
		r.loaded(t, 1, "a second question")
		if len(second) != 1 || second[0].String() != first[0].String() || !second[0].CreatedAt.Equal(p.CreatedAt) {
			t.Errorf("read %v, kept %v", first, second)
		}
		db.Parameter.UpdateOne(p).SetValue("2").ExecX(t.Context())
		if rows := r.read(t, c, db); rows[0].Value != "2" {
			t.Errorf("after a change: %v", rows)
		}
		r.loaded(t, 2, "a change")
		// One that another process makes, with a statement of its own.
		if _, err := db.Writer().ExecContext(t.Context(), "UPDATE parameters SET value = '3'"); err != nil {
			t.Fatal(err)
		}
		if rows := r.read(t, c, db); rows[0].Value != "3" {
			t.Errorf("after a change by hand: %v", rows)
		}
		r.loaded(t, 3, "a change by hand")
		db.Role.Create().SetName("X").ExecX(t.Context())
		r.read(t, c, db)
		r.loaded(t, 3, "a change to another table")
	})
}

func TestARequestGoesByTheGenerationsItReadFirst(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	c := newCache(t, db, cache.Memory, cache.Options{})
	stats := &store.Stats{Record: true}
	ctx := store.WithStats(cache.With(t.Context()), stats)
	for range 5 {
		for _, ns := range []*cache.Namespace{cache.Parameters, cache.Rates, cache.Tariffs} {
			if _, err := cache.Get(ctx, c, ns, "x", func(context.Context) (int, error) { return 1, nil }); err != nil {
				t.Fatal(err)
			}
		}
		c.Settle()
	}
	if stats.Count() != 1 {
		t.Errorf("%d statements, one reads all generations", stats.Count())
	}
	if hits, misses := stats.Cached(); hits != 12 || misses != 3 {
		t.Errorf("%d hits and %d misses", hits, misses)
	}
}

func TestOutsideARequestAndAfterAMutationNothingComesFromTheCache(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	c := newCache(t, db, cache.Memory, cache.Options{})
	loads := 0
	load := func(context.Context) (int, error) { loads++; return loads, nil }
	for name, ctx := range map[string]context.Context{"outside": t.Context(), "a mutation": cache.Without(cache.With(t.Context()))} {
		for range 2 {
			before := loads
			if v, err := cache.Get(ctx, c, cache.Parameters, name, load); err != nil || v != before+1 {
				t.Errorf("%s: %d (%v)", name, v, err)
			}
		}
	}
	if v, err := cache.Get(cache.With(t.Context()), nil, cache.Parameters, "x", load); err != nil || v != loads {
		t.Errorf("without a cache: %d (%v)", v, err)
	}
}

func TestErrorsAreNotKeptAndAbsenceIs(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, db *store.DB, mode cache.Mode) {
		c, r, ctx := newCache(t, db, mode, cache.Options{}), newReader(), cache.With(t.Context())
		broken := errors.New("broken")
		if _, err := cache.Get(ctx, c, cache.Parameters, r.key, func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
			t.Errorf("answered %v", err)
		}
		if v, err := cache.Get(ctx, c, cache.Parameters, r.key, func(context.Context) (int, error) { return 7, nil }); err != nil || v != 7 {
			t.Errorf("after an error: %d (%v)", v, err)
		}
		loads := 0
		for range 2 {
			l, err := cache.Get(ctx, c, cache.Tariffs, r.key, func(context.Context) (*ent.PriceList, error) { loads++; return nil, nil }) //nolint:nilnil // there is none
			if err != nil || l != nil {
				t.Errorf("%v (%v)", l, err)
			}
			c.Settle()
		}
		if loads != 1 {
			t.Errorf("that there is none was read %d times", loads)
		}
	})
}

func TestOfManyWhoMissItOneReads(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	c := newCache(t, db, cache.Auto, cache.Options{})
	r := newReader()
	start, asked := make(chan struct{}), make(chan struct{}, 1)
	load := func(context.Context) (int, error) { //nolint:unparam // as the cache wants it
		r.loads.Add(1)
		asked <- struct{}{}
		<-start
		return 42, nil
	}
	impatient, leave := context.WithCancel(cache.With(t.Context()))
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := cache.Get(impatient, c, cache.Parameters, r.key, load); !errors.Is(err, context.Canceled) {
			t.Errorf("who left was answered %v", err)
		}
	})
	<-asked
	for range 50 {
		all.Go(func() {
			if v, err := cache.Get(cache.With(t.Context()), c, cache.Parameters, r.key, load); err != nil || v != 42 {
				t.Errorf("%d (%v)", v, err)
			}
		})
	}
	leave() // the first who asked: the others still want it
	time.Sleep(50 * time.Millisecond)
	close(start)
	all.Wait()
	r.loaded(t, 1, "fifty at once")
}

func TestAPanicWhileReadingIsAnError(t *testing.T) {
	t.Parallel()
	c := newCache(t, aliatest.Open(t, dialect.SQLite), cache.Memory, cache.Options{})
	_, err := cache.Get(cache.With(t.Context()), c, cache.Parameters, "x", func(context.Context) (int, error) { panic("oh") })
	if err == nil || err.Error() != "panic: oh" {
		t.Errorf("answered %v", err)
	}
}

func TestManyReadsWhatIsMissingAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		c := newCache(t, db, cache.Memory, cache.Options{})
		var asked [][]int64
		read := func(keys ...int64) map[int64]string {
			t.Helper()
			values, err := cache.Many(cache.With(t.Context()), c, cache.Services, keys, func(_ context.Context, missing []int64) (map[int64]string, error) {
				asked = append(asked, missing)
				values := map[int64]string{}
				for _, key := range missing {
					if key < 100 { // there is none above
						values[key] = strconv.FormatInt(key, 10)
					}
				}
				return values, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Settle()
			return values
		}
		read(3, 1, 3, 200)
		if got := read(1, 2, 3, 200); len(got) != 3 || got[1] != "1" || got[2] != "2" || got[3] != "3" {
			t.Errorf("%v", got)
		}
		read(1, 2, 3, 200)
		if len(asked) != 2 || len(asked[0]) != 3 || len(asked[1]) != 1 || asked[1][0] != 2 {
			t.Errorf("asked the database for %v", asked)
		}
		aliatest.Service(t, db, "X", "SAAT", "1", "TRY", "FIXED", "")
		if read(1); len(asked) != 3 {
			t.Error("a change of the services was not noticed")
		}
	})
}

func TestWhatRedisHoldsIsCheckedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	c, r := newCache(t, db, cache.Redis, cache.Options{}), newReader()
	db.Parameter.Create().SetCategory("X").SetCode("X").SetName("x").SetValue("1").ExecX(t.Context())
	r.read(t, c, db)
	client := goredis.NewClient(&goredis.Options{Addr: aliatest.RedisAddr(t), DB: 9})
	t.Cleanup(func() { _ = client.Close() })
	keys, err := client.Keys(t.Context(), "*:"+r.key).Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v (%v)", keys, err)
	}
	good, err := client.Get(t.Context(), keys[0]).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if ttl := client.PTTL(t.Context(), keys[0]).Val(); ttl < 54*time.Minute || ttl > 66*time.Minute {
		t.Errorf("it is kept for %s", ttl)
	}
	flipped, other := append([]byte(nil), good...), append([]byte(nil), good...)
	flipped[len(flipped)-4] ^= 1
	other[0] ^= 1
	for name, value := range map[string][]byte{"a flipped bit": flipped, "another shape": other, "cut": good[:len(good)/2], "empty": nil, "no header": []byte("1")} {
		before := r.loads.Load()
		if err := client.Set(t.Context(), keys[0], value, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		if rows := r.read(t, c, db); len(rows) != 1 || rows[0].Value != "1" {
			t.Errorf("%s: %v", name, rows)
		}
		r.loaded(t, before+1, name)
	}
	// Another kind of value under the key.
	if err := errors.Join(client.Del(t.Context(), keys[0]).Err(), client.LPush(t.Context(), keys[0], "x").Err()); err != nil {
		t.Fatal(err)
	}
	if rows := r.read(t, c, db); len(rows) != 1 {
		t.Errorf("a list in its place: %v", rows)
	}
	for _, ns := range c.Stats().Namespaces {
		if ns.Name == cache.Parameters.Name && ns.Faults < 6 {
			t.Errorf("%d faults were counted", ns.Faults)
		}
	}
}

func TestTypesOfAnotherVersionAreNotTakenForOurs(t *testing.T) {
	t.Parallel()
	type row struct{ Name string }
	type wider struct {
		Name string
		Size int
	}
	encoded, err := cache.Encode([]*row{{Name: "ı"}})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := cache.Decode[[]*row](encoded); err != nil || rows[0].Name != "ı" {
		t.Errorf("%v (%v)", rows, err)
	}
	if rows, err := cache.Decode[[]*wider](encoded); err == nil {
		t.Errorf("the answer of an older server was read as %v", rows[0])
	}
}

func FuzzDecode(f *testing.F) {
	good, err := cache.Encode(map[string][]int{"a": {1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:13])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := cache.Decode[map[string][]int](b)
		if err != nil {
			return
		}
		again, err := cache.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		if w, err := cache.Decode[map[string][]int](again); err != nil || len(w) != len(v) {
			t.Errorf("%v became %v (%v)", v, w, err)
		}
	})
}

func TestAnswersAgeAndMemoryIsBounded(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	c, r := newCache(t, db, cache.Memory, cache.Options{TTL: map[cache.Name]time.Duration{cache.Trail.Name: 100 * time.Millisecond}}), newReader()
	read := func(key string, size int) {
		t.Helper()
		if _, err := cache.Get(cache.With(t.Context()), c, cache.Trail, key, func(context.Context) (string, error) { r.loads.Add(1); return string(make([]byte, size)), nil }); err != nil {
			t.Fatal(err)
		}
		c.Settle()
	}
	read("x", 1)
	read("x", 1)
	r.loaded(t, 1, "at once")
	time.Sleep(150 * time.Millisecond)
	read("x", 1)
	r.loaded(t, 2, "after its time")
	for i := range 200 {
		read(strconv.Itoa(i), 10<<10) // 2 MB of text, that is more in JSON
	}
	if s := c.Stats(); s.Bytes > s.MaxBytes || s.MaxBytes != 1<<20 || s.Entries == 0 {
		t.Errorf("%+v", s)
	}
	c.Forget()
	read("x", 1)
	if s := c.Stats(); s.Entries != 1 {
		t.Errorf("after all was dropped: %+v", s)
	}
}
