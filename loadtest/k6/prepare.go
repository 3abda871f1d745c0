package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/trail"
)

// port is what the scripts are told: whom they ask as, and about what.
type port struct {
	Run       string   `json:"run"`    // begins idempotency keys
	Clerks    []string `json:"clerks"` // access tokens, as the next three
	Officers  []string `json:"officers"`
	Finance   []string `json:"finance"`
	Admins    []string `json:"admins"`
	People    []person `json:"people"`    // who sign in
	Customers []string `json:"customers"` // codes
	Services  []string `json:"services"`  // codes
	Approved  []string `json:"approved"`  // numbers of work orders under which one may come in
	Numbers   []string `json:"numbers"`   // of work orders
	Words     []string `json:"words"`     // that occur in subjects
	Actors    []string `json:"actors"`    // ids of users in the trail
	Orders    []string `json:"orders"`    // ids of work orders in the trail
}

type person struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

const password = "A long pass phrase 4 the load test" //nolint:gosec // of accounts that are thrown away

var errTooFew = errors.New("the seed made too little for the scenarios: more work orders are needed")

// prepare fills a database and writes what the scripts need into a file. On PostgreSQL
// it returns the process of the server.
func prepare(ctx context.Context, url, file string, o options) (postmaster int, err error) {
	db, err := store.Open(ctx, url, store.Options{StatementTimeout: -1})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return 0, err
	}
	users := &user.Service{
		DB: db, Now: calendar.Now, Hasher: user.NewHasher(), RefreshLifetime: 24 * time.Hour,
		Tokens: &user.Tokens{Key: []byte(measure.Key), Lifetime: 12 * time.Hour, Now: calendar.Now},
	}
	_, err = seed.Run(ctx, db, users, seed.Options{
		WorkOrders: o.orders, Cari: 500, Services: 200, Motorbots: 20, Trips: 1200, Seed: 1, Now: calendar.Now(),
	})
	if err != nil {
		return 0, err
	}
	p := &port{Run: fmt.Sprint(time.Now().UnixNano())}
	if err := accounts(ctx, users, p); err != nil {
		return 0, fmt.Errorf("accounts: %w", err)
	}
	if err := p.choose(ctx, db); err != nil {
		return 0, fmt.Errorf("choose records: %w", err)
	}
	if err := events(ctx, db, o.events); err != nil {
		return 0, fmt.Errorf("trail: %w", err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return 0, err
	}
	if db.Dialect() == dialect.Postgres {
		var backend int
		if err := db.Writer().QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
			return 0, err
		}
		return parent(backend)
	}
	return 0, nil
}

// accounts makes fifty clerks and the others, each signed in.
func accounts(ctx context.Context, users *user.Service, p *port) error {
	for _, group := range []struct {
		name, role string
		number     int
		tokens     *[]string
	}{
		{"clerk", actor.RoleOperations, 50, &p.Clerks},
		{"officer", actor.RoleGate, 60, &p.Officers},
		{"finance", actor.RoleFinance, 4, &p.Finance},
		{"admin", actor.RoleAdmin, 5, &p.Admins},
	} {
		for i := range group.number {
			u, err := users.Add(ctx, fmt.Sprintf("load.%s%d@aliaport.example", group.name, i), fmt.Sprintf("Load %s %d", group.name, i), "", group.role)
			if err != nil {
				return err
			}
			session, err := users.SignIn(ctx, u, 12*time.Hour)
			if err != nil {
				return err
			}
			*group.tokens = append(*group.tokens, session.AccessToken)
		}
	}
	for i := range 20 {
		email := fmt.Sprintf("load%d@aliaport.example", i)
		if _, err := users.Add(ctx, email, "Load", password, actor.RoleField); err != nil {
			return err
		}
		p.People = append(p.People, person{email, password})
	}
	return nil
}

// choose picks records that the scenarios work with.
func (p *port) choose(ctx context.Context, db *store.DB) (err error) {
	p.Customers, err = db.Cari.Query().Where(cari.IsActive(true), cari.RoleIn(cari.RoleCustomer, cari.RoleBoth)).
		Order(ent.Asc(cari.FieldID)).Limit(100).Select(cari.FieldCariCode).Strings(ctx)
	if err != nil {
		return err
	}
	p.Services, err = db.Service.Query().
		Where(service.IsActive(true), service.CalculationTypeEQ(service.CalculationTypePerUnit), service.Currency("TRY"), service.RequiresPersonCount(false)).
		Order(ent.Asc(service.FieldID)).Limit(30).Select(service.FieldCode).Strings(ctx)
	if err != nil {
		return err
	}
	newest := db.WorkOrder.Query().Where(workorder.IsActive(true)).Order(ent.Desc(workorder.FieldID))
	p.Approved, err = newest.Clone().Where(workorder.StatusIn(workorder.StatusApproved, workorder.StatusInProgress), workorder.GateRequired(false)).
		Limit(300).Select(workorder.FieldWoNumber).Strings(ctx)
	if err != nil {
		return err
	}
	if p.Numbers, err = newest.Clone().Limit(500).Select(workorder.FieldWoNumber).Strings(ctx); err != nil {
		return err
	}
	p.Words = []string{"iskele", "RÖMORKÖR", "bağlama", "su ikmali", "forklift", "palamar"}
	for key := range int64(13) { // the users of the seed
		p.Actors = append(p.Actors, globalid.ID{Type: "User", Key: key + 1}.String())
	}
	for i := range int64(200) {
		p.Orders = append(p.Orders, globalid.ID{Type: "WorkOrder", Key: 45_000 + 20*i}.String())
	}
	if len(p.Customers) == 0 || len(p.Services) == 0 || len(p.Approved) == 0 || len(p.Numbers) == 0 {
		return fmt.Errorf("%w: %d customers, %d services, %d approved orders", errTooFew, len(p.Customers), len(p.Services), len(p.Approved))
	}
	return nil
}

// events fills the trail of the last thirty days.
func events(ctx context.Context, db *store.DB, n int) error {
	if n <= 0 {
		return nil
	}
	end := time.Now().UTC().Truncate(time.Second)
	from := end.AddDate(0, 0, -30)
	settle := "ANALYZE"
	if db.Dialect() == dialect.Postgres {
		if _, err := migrate.EnsureAuditPartitions(ctx, db.Writer(), from, 2); err != nil {
			return err
		}
		settle = "VACUUM (ANALYZE) audit_events"
	}
	if _, err := db.BulkInsert(ctx, auditevent.Table, trail.Columns, trail.Events(n, from, end, 1)); err != nil {
		return err
	}
	_, err := db.Writer().ExecContext(ctx, settle)
	return err
}
