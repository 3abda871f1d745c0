package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/workorder"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
)

// acknowledged are the work orders that the server said it made: number → subject.
type acknowledged struct {
	mu       sync.Mutex // protects subjects
	subjects map[string]string
}

func (a *acknowledged) add(number, subject string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.subjects[number] = subject
}

func TestWhatWasAcknowledgedSurvivesSIGKILL(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rounds, clients, each = 3, 16, 150 // each: acknowledged before the kill
			url := aliatest.MigratedURL(t, dialectName)
			db := aliatest.OpenURL(t, url)
			api.Fixture(t, db)
			address, admin := freePort(t), freePort(t)
			acks := &acknowledged{subjects: map[string]string{}}
			token := ""
			for round := range rounds {
				p := startOn(t, url, address, admin)
				if token == "" {
					token = p.login(t)
				}
				p.killUnderLoad(t, token, acks, clients, each, round)

				p = startOn(t, url, address, admin)
				// What the dead server had begun holds the lock on the numbers until the
				// database has undone it, so that nothing changes behind this order.
				number, err := p.create(t.Context(), token, "İlk yeni emir", "sonra")
				if err != nil {
					t.Fatalf("first create after the restart: %v", err)
				}
				acks.add(number, "İlk yeni emir")
				total := holdsAll(t, db, acks)
				if unknown := total - len(acks.subjects); unknown > clients*(round+1) {
					t.Errorf("%d orders were made that no client knows of", unknown)
				}
				p.end(t)
			}
			intact(t, db)
		})
	}
}

// holdsAll checks that every acknowledged order is there with its items and its
// line in the trail, and that the numbers are without gap. It returns how many
// orders there are.
func holdsAll(t *testing.T, db *store.DB, acks *acknowledged) int {
	t.Helper()
	orders := db.WorkOrder.Query().WithItems().WithHistory().Order(workorder.ByID()).AllX(t.Context())
	trail := map[string]*ent.AuditEvent{}
	for _, e := range db.AuditEvent.Query().Where(auditevent.Resource("work_order"), auditevent.Action("create"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).AllX(t.Context()) {
		if trail[*e.EntityID] != nil {
			t.Errorf("two audit rows for the creation of %s", *e.EntityID)
		}
		trail[*e.EntityID] = e
	}
	found := map[string]string{}
	for _, wo := range orders {
		found[wo.WoNumber] = wo.Subject
		if len(wo.Edges.Items) != 2 || len(wo.Edges.History) != 1 {
			t.Errorf("%s has %d items and %d rows of history", wo.WoNumber, len(wo.Edges.Items), len(wo.Edges.History))
		}
		if !wo.NetTotal.Equal(wo.Edges.Items[0].TotalAmount.Add(wo.Edges.Items[1].TotalAmount)) {
			t.Errorf("%s has the net total %s", wo.WoNumber, wo.NetTotal)
		}
		if e := trail[fmt.Sprint(wo.ID)]; e == nil {
			t.Errorf("%s has no audit row", wo.WoNumber)
		}
	}
	if len(trail) != len(orders) {
		t.Errorf("%d audit rows for %d orders", len(trail), len(orders))
	}
	for number, subject := range acks.subjects {
		if found[number] != subject {
			t.Errorf("%s was acknowledged as %q, the database has %q", number, subject, found[number])
		}
	}
	for _, s := range db.NumberSequence.Query().AllX(t.Context()) { // two when the year changes meanwhile
		for n := 1; n <= s.Last; n++ {
			if number := sequence.Format(sequence.WorkOrder, s.Year, n); found[number] == "" {
				t.Errorf("%s is missing", number)
			}
			delete(found, sequence.Format(sequence.WorkOrder, s.Year, n))
		}
	}
	if len(found) > 0 {
		t.Errorf("numbers beyond the sequence: %v", found)
	}
	return len(orders)
}

// intact lets SQLite look at its file.
func intact(t *testing.T, db *store.DB) {
	t.Helper()
	if db.Dialect() != dialect.SQLite {
		return
	}
	for check, want := range map[string]string{"PRAGMA integrity_check": "[[ok]]", "PRAGMA foreign_key_check": "[]"} {
		if got := fmt.Sprint(aliatest.Rows(t, db.Writer(), check)); got != want {
			t.Errorf("%s: %s", check, got)
		}
	}
}

// served is this program as a process that serves a database.
type served struct {
	cmd     *exec.Cmd
	address string
	admin   string // address of metrics
	client  *http.Client
	output  buffer
	drained chan struct{} // closed at the end of its output
}

const killPassword = "limanda fırtına var"

// startOn starts the program and returns when it answers.
func startOn(t *testing.T, url, address, admin string, settings ...string) *served {
	t.Helper()
	p := &served{address: address, admin: admin, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, drained: make(chan struct{})}
	t.Cleanup(p.client.CloseIdleConnections)
	p.cmd = exec.CommandContext(t.Context(), os.Args[0], "serve")
	p.cmd.Env = append(os.Environ(), "ALIAPORT_TEST_AS_PROGRAM=1", jwtKey, "ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_DATABASE_URL="+url, "ALIAPORT_LISTEN="+address,
		"ALIAPORT_ADMIN_LISTEN="+admin, "ALIAPORT_ADMIN_PASSWORD="+killPassword, "ALIAPORT_DB_MAX_OPEN=12", "ALIAPORT_LOG_LEVEL=WARN")
	p.cmd.Env = append(p.cmd.Env, settings...)
	p.cmd.Stderr = &p.output
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "/playground") { // printed once connections are taken
			go func() {
				defer close(p.drained)
				_, _ = io.Copy(&p.output, out)
			}()
			return p
		}
	}
	t.Fatalf("it does not serve: %v\n%s", p.cmd.Wait(), p.output.String())
	return nil
}

// ask sends a document and decodes its data.
func (p *served) ask(ctx context.Context, token, requestID, document string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", requestID)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	answer := struct {
		Data   any
		Errors []struct{ Extensions struct{ Code string } }
	}{Data: into}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("status %d: %w: %s", resp.StatusCode, err, text)
	}
	if len(answer.Errors) > 0 {
		return &refusedError{answer.Errors[0].Extensions.Code, string(text)}
	}
	return nil
}

// refusedError is an answer with errors; code is that of the first.
type refusedError struct{ code, text string }

func (r *refusedError) Error() string { return r.text }

func (*refusedError) Unwrap() error { return errAnswered }

// errAnswered is an error that the server told, unlike a broken connection.
var errAnswered = errors.New("the server refused")

func (p *served) login(t *testing.T) string {
	t.Helper()
	var data struct{ Login struct{ AccessToken string } }
	err := p.ask(t.Context(), "", "giris-0001", `mutation Login($input: LoginInput!) { login(input: $input) { accessToken userErrors { code } } }`,
		map[string]any{"input": map[string]any{"email": "admin@aliaport.example", "password": killPassword}}, &data)
	if err != nil || data.Login.AccessToken == "" {
		t.Fatalf("login: %+v, error %v", data, err)
	}
	return data.Login.AccessToken
}

// create makes a work order with two items.
func (p *served) create(ctx context.Context, token, subject, requestID string) (number string, err error) {
	var data struct {
		CreateWorkOrder struct {
			WorkOrder  *struct{ WoNumber string }
			UserErrors []struct{ Code string }
		}
	}
	err = p.ask(ctx, token, requestID, `mutation Create($input: CreateWorkOrderInput!) { createWorkOrder(input: $input) { workOrder { woNumber } userErrors { code } } }`,
		map[string]any{"input": map[string]any{"cariCode": "C-100", "subject": subject, "items": []any{
			map[string]any{"serviceCode": "HZM001", "quantity": "1.25"}, map[string]any{"serviceCode": "HZM002", "quantity": "1"},
		}}}, &data)
	if err != nil {
		return "", err
	}
	if data.CreateWorkOrder.WorkOrder == nil {
		return "", fmt.Errorf("%w: %+v", errAnswered, data.CreateWorkOrder.UserErrors)
	}
	return data.CreateWorkOrder.WorkOrder.WoNumber, nil
}

// killUnderLoad kills the process while clients create, once enough was acknowledged.
func (p *served) killUnderLoad(t *testing.T, token string, acks *acknowledged, clients, enough, round int) {
	t.Helper()
	var made atomic.Int32
	var killed atomic.Bool
	full, ended := make(chan struct{}), make(chan error, 1)
	var g errgroup.Group
	for client := range clients {
		g.Go(func() error {
			for n := 0; ; n++ {
				subject := fmt.Sprintf("Tur %d istemci %d emir %d", round, client, n)
				number, err := p.create(t.Context(), token, subject, fmt.Sprintf("tur-%d-%d-%d", round, client, n))
				switch {
				case err != nil && (errors.Is(err, errAnswered) || !killed.Load()):
					return err
				case err != nil:
					return nil //nolint:nilerr // cut off, as it has to be
				}
				acks.add(number, subject)
				if int(made.Add(1)) == enough {
					close(full)
				}
			}
		})
	}
	go func() { ended <- g.Wait() }()
	select {
	case <-full:
	case err := <-ended:
		t.Fatalf("before the kill: %v\n%s", err, p.output.String())
	}
	killed.Store(true)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.drained
	if err := p.cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, p.output.String())
	}
}

// end lets the process end in order.
func (p *served) end(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.drained
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("ended with %v:\n%s", err, p.output.String())
	}
}
