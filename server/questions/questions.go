// Package questions asks two databases the same business questions through the API
// and compares the answers: what people will see after a move, from the query to the
// last digit, not only what is stored.
package questions

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/config"
	"aliaport/internal/store"
	"aliaport/internal/transfer"
	"aliaport/server"
)

// question is a query with the variables it declares, all taken from facts.
type question struct{ name, query string }

// facts are of the source: rows that certainly have something to tell.
type facts struct {
	Order    string    `json:"order"`    // number of the newest work order
	Done     string    `json:"done"`     // number of the newest that has been completed
	Cari     string    `json:"cari"`     // code of the newest order's customer
	Boat     string    `json:"boat"`     // code of a motorboat
	Service  string    `json:"service"`  // code of a service
	User     int64     `json:"user"`     // key of a user
	From     time.Time `json:"from"`     // beginning of the newest order's month
	Previous time.Time `json:"previous"` // of the month before
	Year     time.Time `json:"year"`     // a year before From
	To       time.Time `json:"to"`       // end of its month
	Day      string    `json:"day"`      // its day
}

// all are the questions. Each asks for lists, sums, prices or a search.
var all = []question{
	{"newest work orders", `{workOrders(first:50, orderBy:{field:CREATED_AT, direction:DESC}) {totalCount nodes {id woNumber status subject priority createdAt updatedAt cari {id cariCode title} items {id sequence quantity unitPrice vatRate totalAmount vatAmount grandTotal currency service {id code name unit}}}}}`},
	{"oldest work orders", `{workOrders(last:50, orderBy:{field:CREATED_AT, direction:DESC}) {nodes {id woNumber status grandTotal currency}}}`},
	{"one work order with all that belongs to it", `query($done:String!) {workOrder(woNumber:$done) {id woNumber status type priority subject description isCabotage plannedStart plannedEnd actualStart actualEnd createdAt currency netTotal vatTotal grandTotal history {fromStatus toStatus userName note createdAt} items {sequence serviceCode quantity unitPrice totalAmount vatAmount grandTotal calculation {sentenceTr}}}}`},
	{"work orders by status", `{draft:workOrders(first:1, filter:{status:[DRAFT]}) {totalCount} submitted:workOrders(first:1, filter:{status:[SUBMITTED]}) {totalCount} approved:workOrders(first:1, filter:{status:[APPROVED]}) {totalCount} running:workOrders(first:1, filter:{status:[IN_PROGRESS]}) {totalCount} completed:workOrders(first:1, filter:{status:[COMPLETED]}) {totalCount} closed:workOrders(first:1, filter:{status:[CLOSED]}) {totalCount} cancelled:workOrders(first:1, filter:{status:[CANCELLED]}) {totalCount}}`},
	{"work orders by month", `query($from:DateTime!, $previous:DateTime!, $year:DateTime!, $to:DateTime!) {this:workOrders(first:100, filter:{createdAt:{from:$from, to:$to}}) {totalCount nodes {woNumber netTotal vatTotal grandTotal currency}} previous:workOrders(first:100, filter:{createdAt:{from:$previous, to:$from}}) {totalCount nodes {woNumber netTotal vatTotal grandTotal currency}} year:workOrders(first:1, filter:{createdAt:{from:$year, to:$from}}) {totalCount}}`},
	{"overdue work orders", `{workOrders(first:50, filter:{overdue:true}) {totalCount nodes {woNumber plannedEnd status}}}`},
	{"a customer's work orders", `query($cari:String!) {cari(cariCode:$cari) {id cariCode title type role city isActive} workOrders(first:50, filter:{cariCode:$cari}) {totalCount nodes {woNumber grandTotal}}}`},
	{"a search in Turkish letters", `{iskele:workOrders(first:50, filter:{search:"İSKELE"}) {totalCount nodes {woNumber subject}} cekici:workOrders(first:50, filter:{search:"çekici"}) {totalCount nodes {woNumber subject}}}`},
	{"customers by title", `{cariAccounts(first:100, orderBy:{field:TITLE, direction:ASC}) {totalCount nodes {id cariCode title city}}}`},
	{"a search for customers", `{cariAccounts(first:50, filter:{search:"şirketi"}) {totalCount nodes {cariCode title}} denizcilik:cariAccounts(first:50, filter:{search:"DENİZ"}) {totalCount nodes {cariCode title}}}`},
	{"what waits for its invoice, by customer", `{uninvoicedTotals(first:50) {totalCount nodes {cari {cariCode} grandTotalTry unpricedTripCount totals {currency orderCount itemCount tripCount netTotal vatTotal grandTotal grandTotalTry}}}}`},
	{"what waits for its invoice, by line", `{uninvoicedItems(first:50) {totalCount nodes {serviceCode quantity unit grandTotal currency workOrder {woNumber}}}}`},
	{"dashboard", `{dashboard {workOrders {status count} dueToday overdue boatsAtSea vehiclesInside newestGateEvents {direction at log {vehiclePlate exitAt workOrder {woNumber}}}}}`},
	{"motorboats and their trips", `query($boat:String!) {motorbots(first:50) {totalCount nodes {id mbCode name}} trips(first:50, filter:{mbCode:$boat}) {totalCount nodes {id tripNo status plannedDepartureAt departureAt returnAt netAmount grandTotal currency}}}`},
	{"the gate", `{gateLogs(first:50) {totalCount nodes {id entryAt exitAt vehiclePlate isException}} insideNow(first:50) {totalCount nodes {id entryAt}}}`},
	{"price lists and services", `{priceLists(first:50) {totalCount nodes {id code version status currency validFrom validTo}} services(first:100) {totalCount nodes {id code name unit basePrice currency vatRate}} activePriceList(currency:"TRY") {code version items(first:50) {totalCount nodes {minQuantity unitPrice vatRate}}}}`},
	{"a quote", `query($service:String!) {priceQuote(input:{currency:"TRY", isCabotage:true, lines:[{serviceCode:$service, quantity:"3"}, {serviceCode:$service, quantity:"12.5"}]}) {quote {net vat gross sentence adjustments {kind percent amount} lines {net explanation {source {kind priceListCode priceListVersion} sentenceTr}}} userErrors {code field message}}}`},
	{"exchange rates and a conversion", `{latestExchangeRates {currencyFrom bulletinDate forexBuying forexSelling banknoteBuying banknoteSelling} exchangeRates(first:50, filter:{currency:"USD"}) {totalCount nodes {bulletinDate forexBuying}} convertCurrency(amount:"1000", from:"USD", to:"EUR") {result rate kind}}`},
	{"parameters", `{parameters(first:100) {totalCount nodes {id category code name value dataType}}}`},
	{"searches of the trail", `{newest:auditEvents(first:50) {totalCount nodes {id createdAt action resource entityId outcome path statusCode changes {field old new}}} refused:auditEvents(filter:{outcomes:[DENIED, FAILED]}, first:20) {nodes {id createdAt action}} approvals:auditEvents(filter:{resource:"work_order", actions:["approve", "reject"]}, first:20) {nodes {id entityId}}}`},
}

// Ask asks both databases and returns what came of each question. Both answer as of
// the same moment, for a user with every right.
func Ask(ctx context.Context, from, to *store.DB) ([]transfer.Answer, error) {
	known, err := learn(ctx, from)
	if err != nil {
		return nil, err
	}
	moment := time.Now().UTC().Truncate(time.Microsecond) //nolint:forbidigo // one moment for both sides
	here, err := asker(ctx, from, moment)
	if err != nil {
		return nil, err
	}
	there, err := asker(ctx, to, moment)
	if err != nil {
		return nil, err
	}
	out := make([]transfer.Answer, len(all))
	for i, q := range all {
		var left, right []byte
		both := errgroup.Group{}
		both.Go(func() (err error) {
			if left, err = here(q, known); err != nil {
				return fmt.Errorf("source: %w", err)
			}
			return nil
		})
		both.Go(func() (err error) {
			if right, err = there(q, known); err != nil {
				return fmt.Errorf("target: %w", err)
			}
			return nil
		})
		if err := both.Wait(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(left)
		out[i] = transfer.Answer{Question: q.name, SHA256: hex.EncodeToString(sum[:]), Equal: bytes.Equal(left, right)}
		if !out[i].Equal {
			out[i].Here, out[i].There = around(left, right), around(right, left)
		}
	}
	return out, nil
}

// around is where a differs from b.
func around(a, b []byte) string {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	const before, after = 80, 120
	return string(bytes.ToValidUTF8(a[max(0, at-before):min(len(a), at+after)], nil))
}

// learn finds something to ask about. What is not there is asked for all the same.
func learn(ctx context.Context, db *store.DB) (map[string]any, error) {
	var f facts
	order, err := db.WorkOrder.Query().Order(ent.Desc(workorder.FieldID)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	if order != nil {
		f.Order, f.Cari = order.WoNumber, order.CariCode
		f.From = time.Date(order.CreatedAt.Year(), order.CreatedAt.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	f.Previous, f.To, f.Year = f.From.AddDate(0, -1, 0), f.From.AddDate(0, 1, 0), f.From.AddDate(-1, 0, 0)
	done, err := db.WorkOrder.Query().Where(workorder.StatusEQ(workorder.StatusCompleted)).Order(ent.Desc(workorder.FieldID)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	if done != nil {
		f.Done = done.WoNumber
	}
	f.Done = cmp.Or(f.Done, f.Order, "WO-2026-000001")
	if boat, err := db.Motorbot.Query().Order(ent.Asc("id")).First(ctx); err == nil {
		f.Boat = boat.MBCode
	} else if !ent.IsNotFound(err) {
		return nil, err
	}
	if service, err := db.Service.Query().Order(ent.Asc("id")).First(ctx); err == nil {
		f.Service = service.Code
	} else if !ent.IsNotFound(err) {
		return nil, err
	}
	f.Service, f.Cari, f.Boat = cmp.Or(f.Service, "HZM001"), cmp.Or(f.Cari, "MST00001"), cmp.Or(f.Boat, "MB001")
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(text, &out)
}

// asker is a server that listens nowhere, limits nothing and records no reads.
func asker(ctx context.Context, db *store.DB, moment time.Time) (func(question, map[string]any) ([]byte, error), error) {
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	cfg.AuditReads, cfg.Cache, cfg.LimitMeasureOnly, cfg.RateMeasureOnly, cfg.LimitTokens = "none", "off", true, true, 0
	cfg.JWTKey = "signs nothing, for nobody is signed in here"
	srv, err := server.New(server.Deps{
		Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "transfer", Now: func() time.Time { return moment },
	})
	if err != nil {
		return nil, err
	}
	who := actor.New(1, "transfer@aliaport.example", "transfer", nil, actor.Permissions)
	return func(q question, variables map[string]any) ([]byte, error) {
		answer := srv.Ask(ctx, who, q.query, variables)
		if answer == nil {
			return nil, errors.New("no answer")
		}
		// A refusal is an answer: there may be no rate of the day.
		said := bytes.Clone(answer.Data)
		for _, e := range answer.Errors {
			said = append(said, " "+e.Error()...)
		}
		return said, nil
	}, nil
}
