package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/anishathalye/porcupine"

	"aliaport/internal/aliatest"
)

// history is what clients asked of several servers and were told, by the register that
// it was about: a parameter, a rate, the price list in force, a role's rights.
type history struct {
	begin time.Time

	mu     sync.Mutex // protects all below
	of     map[string][]porcupine.Operation
	writes map[string]int // that were acknowledged
	reads  map[string]int // by question
	faults map[string]int // by what the client was told
	took   []took
}

// took is how long a question took, and when it was asked.
type took struct {
	at, d time.Duration
	fault string
}

func newHistory() *history {
	return &history{begin: time.Now(), of: map[string][]porcupine.Operation{}, writes: map[string]int{}, reads: map[string]int{}, faults: map[string]int{}}
}

// input writes a value, or reads.
type input struct {
	write bool
	value string
}

// seen is what a read showed: a value, or only whether the first of a role's rights is
// there.
type seen struct {
	value string
	first *bool
}

func (s seen) fits(state string) bool {
	if s.first == nil {
		return s.value == state
	}
	bits, _ := strconv.Atoi(state) // none before the first write
	return (bits&1 == 1) == *s.first
}

// register holds the value that was written last.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, in, out any) (bool, any) {
		if in := in.(input); in.write { //nolint:errcheck,forcetypeassert // only we make them
			return true, in.value
		}
		return out.(seen).fits(state.(string)), state //nolint:errcheck,forcetypeassert // as above
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
}

// never is when an operation ended whose answer was lost: it may take effect any time.
const never = math.MaxInt64

// read notes what a question showed of one or several registers.
func (h *history) read(client int, question string, ask func() (map[string]seen, error)) {
	call := time.Since(h.begin)
	shown, err := ask()
	back := time.Since(h.begin)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.took = append(h.took, took{call, back - call, faultOf(err)})
	if err != nil {
		h.faults[faultOf(err)]++
		return
	}
	h.reads[question]++
	for key, s := range shown {
		h.of[key] = append(h.of[key], porcupine.Operation{ClientId: client, Input: input{}, Call: int64(call), Output: s, Return: int64(back)})
	}
}

// write notes a change of a register.
func (h *history) write(client int, key, value string, ask func() error) {
	call := time.Since(h.begin)
	err := ask()
	back := time.Since(h.begin)
	op := porcupine.Operation{ClientId: client, Input: input{true, value}, Call: int64(call), Output: seen{}, Return: int64(back)}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, declined := errors.AsType[*declinedError](err)
	if declined || faultOf(err) == unsent { // nothing was changed
		if !declined {
			h.faults[unsent]++
		}
		h.took = append(h.took, took{call, back - call, ""})
		return
	}
	h.took = append(h.took, took{call, back - call, faultOf(err)})
	if err != nil {
		h.faults[faultOf(err)]++
		op.Return = never
	} else {
		h.writes[key]++
	}
	h.of[key] = append(h.of[key], op)
}

// faultOf names what a client was told, "" for an answer.
func faultOf(err error) string {
	if err == nil {
		return ""
	}
	if r, ok := errors.AsType[*refusedError](err); ok {
		return r.code
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "no JSON: " + s.Error()
	}
	if o, ok := errors.AsType[*net.OpError](err); ok && o.Op == "dial" {
		return unsent
	}
	return unanswered
}

// What becomes of requests to a server that is not there, or dies over them.
const (
	unsent     = "no connection"
	unanswered = "no answer"
)

// operations are how many answers the history has.
func (h *history) operations() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, of := range []map[string]int{h.writes, h.reads} {
		for _, m := range of {
			n += m
		}
	}
	return n
}

// troubles are how many questions were not answered.
func (h *history) troubles() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.faults {
		n += m
	}
	return n
}

// violations are the registers of which somebody was shown what can't be: a value that
// had been overwritten before the question was asked. Each comes with a proof where one
// is easily told.
func (h *history) violations(t *testing.T) map[string]string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	wrong := map[string]string{}
	for key, ops := range h.of {
		if porcupine.CheckOperationsTimeout(register, needed(ops), time.Minute) == porcupine.Ok {
			continue
		}
		switch porcupine.CheckOperationsTimeout(register, ops, time.Minute) {
		case porcupine.Ok:
		case porcupine.Illegal:
			wrong[key] = proof(ops)
		default:
			wrong[key] = fmt.Sprintf("%d operations could not be judged within a minute", len(ops))
		}
	}
	return wrong
}

// needed leaves out writes whose answer was lost and whose value nobody saw: each doubles
// the work of the search. If an order explains the rest, it explains all, for what nobody
// saw may still come.
func needed(ops []porcupine.Operation) []porcupine.Operation {
	shown := map[string]bool{}
	for _, op := range ops {
		if s, ok := op.Output.(seen); ok && op.Input == (input{}) && s.first == nil {
			shown[s.value] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(op porcupine.Operation) bool {
		in, ok := op.Input.(input)
		return ok && in.write && op.Return == never && !shown[in.value]
	})
}

// proof finds a read of a value that was overwritten before.
func proof(ops []porcupine.Operation) string {
	wrote := map[string][]porcupine.Operation{}
	var all []porcupine.Operation
	for _, op := range ops {
		if in, ok := op.Input.(input); ok && in.write {
			wrote[in.value], all = append(wrote[in.value], op), append(all, op)
		}
	}
	for _, op := range ops {
		s, ok := op.Output.(seen)
		if in, isInput := op.Input.(input); !ok || !isInput || in.write || s.first != nil || len(wrote[s.value]) != 1 {
			continue
		}
		was := wrote[s.value][0]
		for _, next := range all {
			if was.Return < next.Call && next.Return < op.Call {
				return fmt.Sprintf("%q was shown to a question asked %s after %v had been acknowledged in its place",
					s.value, time.Duration(op.Call-next.Return), next.Input)
			}
		}
	}
	return "no order of the operations explains the answers"
}

// linear fails unless the answers are those of one server without a cache.
func (h *history) linear(t *testing.T) {
	t.Helper()
	for key, why := range h.violations(t) {
		t.Errorf("%s: %s", key, why)
	}
}

// quiet fails when a client was told of faults other than these.
func (h *history) quiet(t *testing.T, but ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for fault, n := range h.faults {
		if !slices.Contains(but, fault) {
			t.Errorf("%d clients were told %s", n, fault)
		}
	}
}

// report logs what was asked.
func (h *history) report(t *testing.T) {
	t.Helper()
	n := h.operations()
	h.mu.Lock()
	defer h.mu.Unlock()
	d := time.Since(h.begin)
	t.Logf("%d operations in %s, %.0f a second; reads %v; writes %v; faults %v", n, d.Round(time.Millisecond), float64(n)/d.Seconds(), h.reads, h.writes, h.faults)
}

// deed is one kind of operation; n is a number that no other has.
type deed func(ctx context.Context, h *history, client int, n int64)

// any is one of the servers.
func (f *fleet) any() *served { return f.servers[rand.IntN(len(f.servers))] }

// deeds are all kinds, by the group of answers that they are about.
func (f *fleet) deeds() map[string][]deed {
	return map[string][]deed{
		"parameters": {f.readParameter, f.readCategory, f.writeParameter},
		"rates":      {f.readRate, f.readRates, f.writeRate},
		"tariffs":    {f.readList, f.readList, f.writeList},
		"rights":     {f.readRights, f.tryRight, f.writeRights},
	}
}

// clients is how many ask at once.
const clients = 8

// exercise lets clients do these deeds at random until they are to end.
func (f *fleet) exercise(ctx context.Context, h *history, deeds map[string][]deed, more func() bool) {
	groups := slices.Sorted(maps.Keys(deeds))
	var n atomic.Int64
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for more() && ctx.Err() == nil {
				group := deeds[groups[rand.IntN(len(groups))]]
				before := h.troubles()
				group[rand.IntN(len(group))](ctx, h, client, n.Add(1))
				if h.troubles() > before { // as clients do
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
}

// atLeast lets clients go on until so many operations were answered.
func (h *history) atLeast(n int) func() bool { return func() bool { return h.operations() < n } }

func (f *fleet) readParameter(ctx context.Context, h *history, client int, _ int64) {
	p := parameters[rand.IntN(len(parameters))]
	h.read(client, "parameter", func() (map[string]seen, error) {
		var data struct{ Parameter struct{ Value string } }
		err := f.any().ask(ctx, f.admin, "", `query Q($a: String!, $o: String!) { parameter(category: $a, code: $o) { value } }`, map[string]any{"a": p.category, "o": p.code}, &data)
		return map[string]seen{"parameter " + p.category + " " + p.code: {value: orEmpty(data.Parameter.Value)}}, err
	})
}

// orEmpty is "" for what was there before the first write.
func orEmpty(value string) string {
	if value == "0" {
		return ""
	}
	return value
}

func (f *fleet) readCategory(ctx context.Context, h *history, client int, _ int64) {
	category := parameters[rand.IntN(len(parameters))].category
	h.read(client, "parametersByCategory", func() (map[string]seen, error) {
		var data struct {
			ParametersByCategory []struct{ Code, Value string }
		}
		err := f.any().ask(ctx, f.admin, "", `query Q($a: String!) { parametersByCategory(category: $a) { code value } }`, map[string]any{"a": category}, &data)
		shown := map[string]seen{}
		for _, p := range data.ParametersByCategory {
			shown["parameter "+category+" "+p.Code] = seen{value: orEmpty(p.Value)}
		}
		return shown, err
	})
}

func (f *fleet) writeParameter(ctx context.Context, h *history, client int, n int64) {
	p := parameters[rand.IntN(len(parameters))]
	var was struct {
		Parameter struct {
			ID      string
			Version int
		}
	}
	if err := f.any().ask(ctx, f.admin, "", `query Q($a: String!, $o: String!) { parameter(category: $a, code: $o) { id version } }`, map[string]any{"a": p.category, "o": p.code}, &was); err != nil {
		return
	}
	value := fmt.Sprint("v", n)
	h.write(client, "parameter "+p.category+" "+p.code, value, func() error {
		_, err := payload[nothing](ctx, f.any(), f.admin, `mutation M($i: UpdateParameterInput!) { r: updateParameter(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"id": was.Parameter.ID, "version": was.Parameter.Version, "value": value}})
		return err
	})
}

var currencies = []string{"USD", "EUR"}

func (f *fleet) readRate(ctx context.Context, h *history, client int, _ int64) {
	currency := currencies[rand.IntN(len(currencies))]
	h.read(client, "exchangeRate", func() (map[string]seen, error) {
		var data struct{ ExchangeRate struct{ Value string } }
		err := f.any().ask(ctx, f.admin, "", `query Q($c: String!, $d: Date!) { exchangeRate(currency: $c, asOf: $d, kind: FOREX_SELLING) { value } }`, map[string]any{"c": currency, "d": f.day}, &data)
		if r, ok := errors.AsType[*refusedError](err); ok && r.code == "KUR_RATE_NOT_AVAILABLE" {
			err = nil // nobody has set one yet
		}
		return map[string]seen{"rate " + currency: {value: data.ExchangeRate.Value}}, err
	})
}

func (f *fleet) readRates(ctx context.Context, h *history, client int, _ int64) {
	h.read(client, "latestExchangeRates", func() (map[string]seen, error) {
		var data struct {
			LatestExchangeRates []struct{ CurrencyFrom, ForexSelling string }
		}
		err := f.any().ask(ctx, f.admin, "", `{ latestExchangeRates { currencyFrom forexSelling } }`, nil, &data)
		shown := map[string]seen{}
		for _, currency := range currencies {
			shown["rate "+currency] = seen{}
		}
		for _, r := range data.LatestExchangeRates {
			shown["rate "+r.CurrencyFrom] = seen{value: r.ForexSelling}
		}
		return shown, err
	})
}

// writeRate overwrites whatever is there.
func (f *fleet) writeRate(ctx context.Context, h *history, client int, n int64) {
	currency, value := currencies[rand.IntN(len(currencies))], fmt.Sprintf("40.%05d1", n)
	h.write(client, "rate "+currency, value, func() error {
		_, err := payload[nothing](ctx, f.any(), f.admin, `mutation M($i: SetExchangeRateInput!) { r: setExchangeRate(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"currency": currency, "bulletinDate": f.before, "forexSelling": value, "reason": "Banka dekontu"}})
		return err
	})
}

func (f *fleet) readList(ctx context.Context, h *history, client int, _ int64) {
	h.read(client, "activePriceList", func() (map[string]seen, error) {
		var data struct {
			ActivePriceList *struct {
				ID       string
				Revision int
			}
		}
		err := f.any().ask(ctx, f.admin, "", `query Q($d: Date!) { activePriceList(currency: "USD", on: $d) { id revision } }`, map[string]any{"d": f.day}, &data)
		s := seen{}
		if l := data.ActivePriceList; l != nil {
			s.value = fmt.Sprint(l.ID, " ", l.Revision)
		}
		return map[string]seen{"price list": s}, err
	})
}

// writeList puts a list in force, or out of force when it is.
func (f *fleet) writeList(ctx context.Context, h *history, client int, _ int64) {
	id := f.lists[rand.IntN(len(f.lists))]
	var was struct {
		PriceList struct {
			Revision int
			Status   string
		}
	}
	if err := f.any().ask(ctx, f.admin, "", `query Q($i: ID!) { priceList(id: $i) { revision status } }`, map[string]any{"i": id}, &was); err != nil {
		return
	}
	step, kind, value := "activatePriceList", "ActivatePriceListInput", fmt.Sprint(id, " ", was.PriceList.Revision+1)
	if was.PriceList.Status == "ACTIVE" {
		step, kind, value = "deactivatePriceList", "PriceListStepInput", ""
	}
	h.write(client, "price list", value, func() error {
		_, err := payload[nothing](ctx, f.any(), f.admin, `mutation M($i: `+kind+`!) { r: `+step+`(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"id": id, "revision": was.PriceList.Revision}})
		return err
	})
}

func (f *fleet) readRights(ctx context.Context, h *history, client int, _ int64) {
	h.read(client, "viewer", func() (map[string]seen, error) {
		var data struct {
			Viewer struct{ Permissions []string }
		}
		err := f.any().ask(ctx, f.watch, "", `{ viewer { permissions } }`, nil, &data)
		return map[string]seen{"rights": {value: written(bitsOf(data.Viewer.Permissions))}}, err
	})
}

// written are rights as the register has them: "" before the first write.
func written(bits int) string {
	if bits == 0 {
		return ""
	}
	return strconv.Itoa(bits)
}

// tryRight asks for what a user may see or not.
func (f *fleet) tryRight(ctx context.Context, h *history, client int, _ int64) {
	h.read(client, "refused or not", func() (map[string]seen, error) {
		var data any
		err := f.any().ask(ctx, f.watch, "", `{ parameter(category: "SEYIR_A", code: "X") { code } }`, nil, &data)
		may := err == nil
		if r, ok := errors.AsType[*refusedError](err); ok && r.code == "FORBIDDEN" {
			err = nil
		}
		return map[string]seen{"rights": {first: &may}}, err
	})
}

func (f *fleet) writeRights(ctx context.Context, h *history, client int, _ int64) {
	bits := rand.IntN(1 << len(watchedRights))
	h.write(client, "rights", written(bits), func() error {
		_, err := payload[nothing](ctx, f.any(), f.admin, saveRole, roleOf(bits))
		return err
	})
}

// hits are how often the caches of all servers had an answer, in the process and in
// Redis.
func (f *fleet) hits(t *testing.T) (memory, redis int) {
	t.Helper()
	for _, p := range f.servers {
		var data struct {
			CacheStats struct {
				Namespaces []struct{ MemoryHits, RedisHits int }
			}
		}
		if err := p.ask(t.Context(), f.admin, "", `{ cacheStats { namespaces { memoryHits redisHits } } }`, nil, &data); err != nil {
			t.Fatal(err)
		}
		for _, n := range data.CacheStats.Namespaces {
			memory, redis = memory+n.MemoryHits, redis+n.RedisHits
		}
	}
	return memory, redis
}

func TestSeveralServersAnswerAsOneWithoutACache(t *testing.T) {
	t.Parallel()
	t.Run("with a Redis", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t, redisAt+startRedis(t))
		defer f.end(t)
		h := newHistory()
		f.exercise(t.Context(), h, f.deeds(), h.atLeast(sharedOperations))
		h.report(t)
		h.quiet(t)
		h.linear(t)
		if memory, redis := f.hits(t); memory == 0 || redis == 0 {
			t.Errorf("%d answers from memory, %d from Redis: nothing was tried", memory, redis)
		}
	})
	t.Run("one on SQLite", func(t *testing.T) {
		t.Parallel()
		f := newFleetOn(t, aliatest.MigratedURL(t, dialect.SQLite), 1)
		defer f.end(t)
		h := newHistory()
		f.exercise(t.Context(), h, f.deeds(), h.atLeast(ownOperations))
		h.report(t)
		h.quiet(t)
		h.linear(t)
	})
	t.Run("each with its own memory", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t)
		defer f.end(t)
		h := newHistory()
		f.exercise(t.Context(), h, f.deeds(), h.atLeast(ownOperations))
		h.report(t)
		h.quiet(t)
		h.linear(t)
		if memory, _ := f.hits(t); memory == 0 {
			t.Error("no answer was from memory: nothing was tried")
		}

		// The check is worth something: without a trigger it finds what is wrong.
		if _, err := f.db.ExecContext(t.Context(), "DROP TRIGGER parameters_new_generation ON parameters"); err != nil {
			t.Fatal(err)
		}
		h = newHistory()
		f.noteParameters(t, h)
		f.exercise(t.Context(), h, map[string][]deed{"parameters": f.deeds()["parameters"]}, h.atLeast(300))
		wrong := h.violations(t)
		if len(wrong) == 0 {
			t.Error("a cache that is not told of changes went unnoticed")
		}
		for key, why := range wrong {
			if !strings.HasPrefix(key, "parameter ") {
				t.Errorf("%s: %s", key, why)
			}
			t.Logf("found, as it has to be: %s: %s", key, why)
		}
	})
}

func TestServersThatAreKilledLeaveNothingStale(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisAt+startRedis(t))
	defer f.end(t)
	h := newHistory()
	var enough atomic.Bool
	var clients sync.WaitGroup
	clients.Go(func() {
		f.exercise(t.Context(), h, f.deeds(), func() bool { return !enough.Load() })
	})
	defer enough.Store(true) // also when a restart fails
	for range kills {
		time.Sleep(rand.N(time.Second))
		f.restart(t, rand.IntN(len(f.servers)))
	}
	time.Sleep(time.Second)
	enough.Store(true)
	clients.Wait()
	h.report(t)
	h.quiet(t, unsent, unanswered)
	h.linear(t)
}

// noteParameters begins a history with what the parameters are.
func (f *fleet) noteParameters(t *testing.T, h *history) {
	t.Helper()
	for _, p := range parameters {
		value := aliatest.Rows(t, f.db.Reader(), "SELECT value FROM parameters WHERE category = $1 AND code = $2", p.category, p.code)[0][0]
		h.write(0, "parameter "+p.category+" "+p.code, orEmpty(value), func() error { return nil })
	}
}
