package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"aliaport/internal/store"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

// writes is how many work orders are made a second while the port moves.
const writes = 50

const create = `mutation ($input: CreateWorkOrderInput!) { createWorkOrder(input: $input) { userErrors { code } workOrder { woNumber } } }`

var errLost = errors.New("acknowledged orders are missing in the target")

// live moves a database while a server on it takes writes: --catch-up twice, then
// --cut-over. The source is changed.
func (b *bench) live(ctx context.Context, to string) (err error) {
	token, cari, err := b.user(ctx)
	if err != nil {
		return err
	}
	p, err := process.Run(ctx, b.program, "sqlite://"+b.source, "ALIAPORT_JWT_KEY="+measure.Key, "ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_JOBS=false")
	if err != nil {
		return err
	}
	defer func() {
		_, failed := p.Stop()
		err = errors.Join(err, failed)
	}()
	l := &ledger{client: measure.NewClient(p.URL, token, writes), cari: cari, numbers: map[string]string{}, faults: map[string]int{}, run: time.Now().UnixNano()}
	ctxWriting, stop := context.WithCancel(ctx)
	defer stop()
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		tick := time.NewTicker(time.Second / writes)
		defer tick.Stop()
		var all sync.WaitGroup
		defer all.Wait()
		for n := 0; ; n++ {
			select {
			case <-ctxWriting.Done():
				return
			case <-tick.C:
				all.Go(func() { l.write(ctx, n) })
			}
		}
	}()
	for _, step := range []string{"--catch-up", "--catch-up", "--cut-over"} {
		began := time.Now()
		r, err := b.run(ctx, b.program, "transfer", "--skip-preflight", "--from", "sqlite://"+b.source, "--to", to, step)
		if err != nil {
			return err
		}
		fmt.Printf("%s took %s, peak memory %d MB\n", step, time.Since(began).Round(time.Second), r.peak>>20)
		if served := regexp.MustCompile(`(?m)^The target may.*$`).FindString(r.out); served != "" {
			fmt.Println(served)
		}
	}
	time.Sleep(time.Second)
	stop()
	<-writing
	fmt.Printf("%d orders acknowledged, the last %s before the first refusal; refused %v\n", len(l.numbers), l.refused.Sub(l.last).Round(time.Millisecond), l.faults)
	return l.in(ctx, to)
}

// user prepares who writes: a token of the administrator and a customer.
func (b *bench) user(ctx context.Context) (token, cari string, err error) {
	db, err := store.Open(ctx, "sqlite://"+b.source, store.Options{})
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, _, stop, err := measure.Serve(ctx, db, 1)
	if err != nil {
		return "", "", err
	}
	defer stop()
	var data struct {
		CariAccounts struct{ Nodes []struct{ ID string } }
	}
	if _, err := c.Post(ctx, `{ cariAccounts(first: 1) { nodes { id } } }`, nil, &data); err != nil {
		return "", "", err
	}
	return c.Token, data.CariAccounts.Nodes[0].ID, nil
}

// ledger is what the server acknowledged.
type ledger struct {
	client *measure.Client
	cari   string
	run    int64

	mu            sync.Mutex
	numbers       map[string]string // subjects by number
	faults        map[string]int
	last, refused time.Time
}

func (l *ledger) write(ctx context.Context, n int) {
	subject := fmt.Sprintf("Çekici %d-%d", l.run, n)
	var data struct {
		CreateWorkOrder struct {
			UserErrors []struct{ Code string }
			WorkOrder  *struct{ WoNumber string }
		}
	}
	_, err := l.client.Post(ctx, create, map[string]any{"input": map[string]any{
		"cariId": l.cari, "type": "SERVICE", "subject": subject, "idempotencyKey": fmt.Sprintf("tasima-%d-%d", l.run, n),
	}}, &data)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.faults[measure.Fault(err)]++
		if l.refused.IsZero() {
			l.refused = time.Now()
		}
	case data.CreateWorkOrder.WorkOrder == nil:
		l.faults[fmt.Sprint(data.CreateWorkOrder.UserErrors)]++
	default:
		l.numbers[data.CreateWorkOrder.WorkOrder.WoNumber] = subject
		l.last = time.Now()
	}
}

// in looks for every acknowledged order in the target.
func (l *ledger) in(ctx context.Context, url string) (err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	missing := 0
	for _, number := range slices.Sorted(maps.Keys(l.numbers)) {
		var subject string
		if err := db.Reader().QueryRowContext(ctx, "SELECT subject FROM work_orders WHERE wo_number = $1", number).Scan(&subject); err != nil || subject != l.numbers[number] {
			missing++
		}
	}
	if missing > 0 {
		return fmt.Errorf("%w: %d of %d", errLost, missing, len(l.numbers))
	}
	fmt.Printf("all of them are in %s\n", filepath.Base(url))
	return nil
}
