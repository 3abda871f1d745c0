package doctor

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

func (r *report) redis(ctx context.Context) {
	const remedy = "start Redis, correct ALIAPORT_REDIS_URL, or unset it to do without"
	o, err := redis.ParseURL(r.cfg.RedisURL.Reveal())
	if err != nil {
		r.add("redis", Fail, "ALIAPORT_REDIS_URL cannot be used", "give redis://host:6379/0, or rediss:// for TLS")
		return
	}
	o.DialTimeout, o.ReadTimeout, o.MaxRetries = 2*time.Second, 2*time.Second, -1
	o.DialerRetries = 1
	client := redis.NewClient(o)
	defer client.Close()
	start := r.opts.Now()
	if err := client.Ping(ctx).Err(); err != nil {
		r.add("redis", Fail, r.cfg.Redis()+": "+oneLine(err), remedy)
		return
	}
	r.ok("redis", "%s answers in %s", r.cfg.Redis(), r.opts.Now().Sub(start).Round(10*time.Microsecond))
}
