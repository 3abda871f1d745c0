package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"aliaport/ent"
	"aliaport/ent/cachegeneration"
)

// Name names a namespace, as the API does.
type Name string

// Namespace is a group of answers that are read from the same tables.
type Namespace struct {
	Name Name
	// Tables are all that the answers are read from. A change to any of them makes the
	// answers unreachable when it is committed. None: answers live for TTL, whatever
	// happens.
	Tables []string
	// TTL is how long an answer may be kept, give or take a tenth.
	TTL time.Duration
	// Local answers do not leave the process: they are about persons, or are read so many
	// at a time that the database is as fast as Redis.
	Local bool
}

// The namespaces. This is the one place that says what is read from which tables; each
// of these has triggers that raise its generation, see the migration
// cache_generations and docs/FAZ5_CACHE_STRATEGY.md.
var (
	Parameters = &Namespace{Name: "PARAMETERS", Tables: []string{"parameters"}, TTL: time.Hour}
	Rates      = &Namespace{Name: "RATES", Tables: []string{"exchange_rates", "parameters"}, TTL: 5 * time.Minute}
	Tariffs    = &Namespace{Name: "TARIFFS", Tables: []string{"price_lists"}, TTL: 15 * time.Minute}
	Services   = &Namespace{Name: "SERVICES", Tables: []string{"services"}, TTL: 15 * time.Minute, Local: true}
	Customers  = &Namespace{Name: "CUSTOMERS", Tables: []string{"cari"}, TTL: 15 * time.Minute, Local: true}
	Rights     = &Namespace{Name: "RIGHTS", Tables: []string{"roles", "permissions", "user_roles", "role_permissions"}, TTL: 5 * time.Minute}
	// Trail is the only one that may lag.
	Trail = &Namespace{Name: "TRAIL", TTL: 30 * time.Second, Local: true}
)

// Namespaces are all of them.
var Namespaces = []*Namespace{Parameters, Rates, Tariffs, Services, Customers, Rights, Trail}

// tables are all that feed a namespace, each once.
func tables() []string {
	var all []string
	for _, ns := range Namespaces {
		all = append(all, ns.Tables...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Renew makes all that is cached in the namespaces unreachable for every server when the
// transaction is committed. What depends on no table stays for its time; see Forget.
func Renew(ctx context.Context, tx *ent.Tx, names []Name) error {
	var fed []string
	for _, ns := range Namespaces {
		if slices.Contains(names, ns.Name) {
			fed = append(fed, ns.Tables...)
		}
	}
	if len(fed) == 0 {
		return nil
	}
	err := tx.CacheGeneration.Update().Where(cachegeneration.TableNameIn(fed...)).SetGeneration(rand.Int64()).Exec(ctx) //nolint:gosec // it must be another one, not a secret
	if err != nil {
		return fmt.Errorf("renew the generations of %v: %w", fed, err)
	}
	return nil
}

// Forget drops all that this process keeps.
func (c *Cache) Forget() {
	if c != nil && c.process != nil {
		c.process.Clear()
	}
}
