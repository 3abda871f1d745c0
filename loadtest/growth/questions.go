package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

// port is a server on a database of one size.
type port struct {
	size    int
	process *process.Process
	client  *measure.Client
	values  map[string][]string // of variables, by name; cursors by their list
}

// list is one whose pages are asked for.
type list struct{ name, order, row string }

// Rows of a page, and the page that is asked for beside the first. Lists that are not so
// long at some size are asked for their last pages there.
const (
	rows = 10
	deep = 1000
)

var lists = []list{
	{"workOrders", "orderBy: {field: CREATED_AT, direction: DESC}", "id woNumber status subject priority createdAt cari { id cariCode title } items { id quantity unitPrice service { id code name unit } }"},
	{"cariAccounts", "orderBy: {field: TITLE, direction: ASC}", "id cariCode title type city isActive"},
	{"services", "", "id code name unit basePrice currency vatRate"},
	{"motorbots", "", "id mbCode name"},
	{"trips", "", "id tripNo status plannedDepartureAt motorbot { id name } cari { id title }"},
	{"gateLogs", "", "id entryAt exitAt vehiclePlate isException woNumber"},
	{"insideNow", "", "id entryAt vehiclePlate woNumber"},
	{"workLogs", "", "id kind status timeStart timeEnd quantity personnelName"},
	{"uninvoicedItems", "", "id serviceCode quantity grandTotal currency"},
	{"exchangeRates", "", "id bulletinDate currencyFrom forexBuying"},
	{"priceLists", "", "id code version status currency"},
	{"parameters", "", "id category code name value"},
	{"users", "", "id email fullName"},
}

// document asks for a page of rows, or with count for their number alone.
func (l list) document(selection string) string {
	order := ""
	if l.order != "" {
		order = ", " + l.order
	}
	return fmt.Sprintf("query ($first: Int!, $after: String) { %s(first: $first, after: $after%s) { %s } }", l.name, order, selection)
}

// question is asked of all sizes. Its variable is another one each time.
type question struct{ name, document, variable string }

func questions() (all []question) {
	for _, l := range lists {
		document := l.document("pageInfo { hasNextPage endCursor } edges { cursor node { " + l.row + " } }")
		all = append(all, question{l.name + ", first page", document, ""}, question{fmt.Sprintf("%s, page %d", l.name, deep), document, l.name})
	}
	for _, q := range [][3]string{
		{"node", "query ($id: ID!) { node(id: $id) { ... on WorkOrder { id woNumber status items { id } } } }", "id"},
		{"workOrder by number", "query ($woNumber: String!) { workOrder(woNumber: $woNumber) { id subject cari { title } items { id service { code } grandTotal } } }", "woNumber"},
		{"cari by code", "query ($cariCode: String!) { cari(cariCode: $cariCode) { id title city } }", "cariCode"},
		{"service by code", "query ($code: String!) { service(code: $code) { id name basePrice } }", "code"},
		{"trip by number", "query ($tripNo: String!) { trip(tripNo: $tripNo) { id status motorbot { name } } }", "tripNo"},
		{"gate log", "query ($log: ID!) { gateLog(id: $log) { id entryAt vehiclePlate } }", "log"},
		{"work log", "query ($work: ID!) { workLog(id: $work) { id kind quantity } }", "work"},
		{"orders of a customer", "query ($cariCode: String!) { workOrders(first: 10, filter: {cariCode: $cariCode}) { nodes { id woNumber status } } }", "cariCode"},
		{"price in force", `{ activePriceList(currency: "TRY") { code version } exchangeRate(currency: "USD") { rate { forexBuying } } }`, ""},
		{"dashboard", "{ dashboard { workOrders { status count } dueToday overdue boatsAtSea vehiclesInside newestGateEvents { direction at log { vehiclePlate workOrder { woNumber } } } } }", ""},
		{"count of all orders", "{ workOrders(first: 1) { totalCount } }", ""},
		{"count of completed orders", "{ workOrders(first: 1, filter: {status: [COMPLETED]}) { totalCount } }", ""},
		{"count of customers", "{ cariAccounts(first: 1) { totalCount } }", ""},
		{"count of trips", "{ trips(first: 1) { totalCount } }", ""},
		{"count of gate logs", "{ gateLogs(first: 1) { totalCount } }", ""},
		{"count of work logs", "{ workLogs(first: 1) { totalCount } }", ""},
		{"count of lines to invoice", "{ uninvoicedItems(first: 1) { totalCount } }", ""},
	} {
		all = append(all, question{q[0], q[1], q[2]})
	}
	return all
}

// collect finds what is asked about: cursors deep in every list, and keys of records
// from its middle.
func (p *port) collect(ctx context.Context) error {
	p.values = map[string][]string{}
	for _, l := range lists {
		cursors, err := p.cursors(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		p.values[l.name] = cursors
	}
	for _, key := range []struct{ list, field, variable string }{
		{"workOrders", "id", "id"},
		{"workOrders", "woNumber", "woNumber"},
		{"cariAccounts", "cariCode", "cariCode"},
		{"services", "code", "code"},
		{"trips", "tripNo", "tripNo"},
		{"gateLogs", "id", "log"},
		{"workLogs", "id", "work"},
	} {
		l := lists[slices.IndexFunc(lists, func(l list) bool { return l.name == key.list })]
		var data map[string]struct{ Nodes []map[string]string }
		if _, err := p.client.Post(ctx, l.document("nodes { "+key.field+" }"), map[string]any{"first": 100, "after": p.values[l.name][0]}, &data); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		for _, node := range data[l.name].Nodes {
			p.values[key.variable] = append(p.values[key.variable], node[key.field])
		}
		if len(p.values[key.variable]) == 0 {
			return fmt.Errorf("%s: %w", key.list, errEmpty)
		}
	}
	return nil
}

// cursors are those before the page that is deep, and before those around it.
func (p *port) cursors(ctx context.Context, l list) ([]string, error) {
	type edges struct {
		PageInfo struct{ HasNextPage bool }
		Edges    []struct{ Cursor string }
	}
	const step = 100
	var last []string
	after := any(nil)
	for walked := 0; walked < rows*(deep-1)-step; walked += step {
		var data map[string]edges
		if _, err := p.client.Post(ctx, l.document("pageInfo { hasNextPage } edges { cursor }"), map[string]any{"first": step, "after": after}, &data); err != nil {
			return nil, err
		}
		page := data[l.name]
		if len(page.Edges) == 0 {
			break
		}
		last = last[:0]
		for _, e := range page.Edges {
			last = append(last, e.Cursor)
		}
		if after = last[len(last)-1]; !page.PageInfo.HasNextPage {
			break
		}
	}
	if len(last) > rows+1 { // behind each there is a whole page, if the list has one
		last = last[:len(last)-rows]
	}
	if len(last) == 0 {
		last = []string{""}
	}
	return last, nil
}

// ask asks all ports each question in turn and prints how long it took.
func ask(ctx context.Context, o options, ports []*port) error {
	head, line := "| question |", "|---|"
	for _, p := range ports {
		head += fmt.Sprintf(" %d |", p.size)
		line += "---|"
	}
	fmt.Printf("%s: p50 in ms at so many work orders, %d requests each in %d rounds\n\n%s largest of smallest |\n%s---|\n", o.database, o.requests, o.rounds, head, line)
	for _, q := range questions() {
		if !strings.Contains(q.name, o.only) {
			continue
		}
		took := make([][]time.Duration, len(ports))
		for round := range o.rounds + 1 {
			for i := range ports { // each round begins with another
				at := (i + round) % len(ports)
				some, err := ports[at].asked(ctx, q, o.requests)
				if err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
				if round > 0 { // the first warms
					took[at] = append(took[at], some...)
				}
			}
		}
		cells, half := "", make([]float64, len(ports))
		for i := range ports {
			half[i] = measure.Ms(measure.Percentile(took[i], 50)) //nolint:mnd // the middle
			cells += fmt.Sprintf(" %.2f |", half[i])
		}
		fmt.Printf("| %s |%s %.2f |\n", q.name, cells, half[len(half)-1]/half[0])
	}
	return nil
}

func (p *port) asked(ctx context.Context, q question, n int) (took []time.Duration, err error) {
	for i := range n {
		variables := map[string]any{}
		switch {
		case strings.Contains(q.document, "$after"):
			variables["first"] = rows
			if q.variable != "" {
				variables["after"] = p.values[q.variable][i%len(p.values[q.variable])]
			}
		case q.variable != "":
			variables[q.variable] = p.values[q.variable][i%len(p.values[q.variable])]
		}
		var data map[string]json.RawMessage
		begin := time.Now()
		if _, err := p.client.Post(ctx, q.document, variables, &data); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
		for field, value := range data {
			if string(value) == "null" {
				return nil, fmt.Errorf("%s: %w", field, errEmpty)
			}
		}
	}
	return took, nil
}
