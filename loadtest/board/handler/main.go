// Handler answers the query of the work order board as one would write it by hand for
// this one query: net/http, three SQL statements, structs and encoding/json. It has the
// server's pool and drivers, but asks for no token, knows no rights and logs nothing.
// Loadtest/board compares the server with it.
//
//	handler -database sqlite://… -listen 127.0.0.1:9000
package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/store"
)

func main() {
	database := flag.String("database", "", "address of the database")
	listen := flag.String("listen", "127.0.0.1:9000", "address to listen on")
	flag.Parse()
	if err := run(context.Background(), *database, *listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, database, listen string) error {
	db, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	h := &handler{db: db.Reader(), items: fmt.Sprintf(items, "= ANY($1)")}
	if db.Dialect() != dialect.Postgres {
		h.items = fmt.Sprintf(items, "IN (SELECT value FROM json_each($1))")
		h.list = func(keys []int64) any {
			text, _ := json.Marshal(keys) // of numbers
			return string(text)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("POST /graphql", h)
	srv := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: time.Second}
	return srv.ListenAndServe()
}

type handler struct {
	db    *sql.DB
	items string
	list  func([]int64) any
}

// The answer, as clients get it from the server.
type (
	answer struct {
		Data struct {
			WorkOrders connection `json:"workOrders"`
		} `json:"data"`
	}
	connection struct {
		TotalCount int      `json:"totalCount"`
		PageInfo   pageInfo `json:"pageInfo"`
		Edges      []edge   `json:"edges"`
	}
	pageInfo struct {
		HasNextPage bool    `json:"hasNextPage"`
		EndCursor   *string `json:"endCursor"`
	}
	edge struct {
		Cursor string `json:"cursor"`
		Node   order  `json:"node"`
	}
	order struct {
		key       int64
		ID        string `json:"id"`
		WONumber  string `json:"woNumber"`
		Status    string `json:"status"`
		Subject   string `json:"subject"`
		Priority  string `json:"priority"`
		CreatedAt string `json:"createdAt"`
		Cari      cari   `json:"cari"`
		Items     []item `json:"items"`
	}
	cari struct {
		ID       string `json:"id"`
		CariCode string `json:"cariCode"`
		Title    string `json:"title"`
	}
	item struct {
		ID        string   `json:"id"`
		Quantity  string   `json:"quantity"`
		UnitPrice string   `json:"unitPrice"`
		Service   *service `json:"service"`
	}
	service struct {
		ID   string `json:"id"`
		Code string `json:"code"`
		Name string `json:"name"`
		Unit string `json:"unit"`
	}
)

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Variables struct {
			First int
			After string
		}
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	var a answer
	if err == nil {
		a.Data.WorkOrders, err = h.board(r.Context(), asked.Variables.First, asked.Variables.After)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(&a)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

const orders = `SELECT o.id, o.wo_number, o.status, o.subject, o.priority, o.created_at, c.id, c.cari_code, c.title
	FROM work_orders o JOIN cari c ON c.id = o.cari_id WHERE o.is_active = true`

func (h *handler) board(ctx context.Context, first int, after string) (c connection, err error) {
	rest, args := ` ORDER BY o.created_at DESC, o.id DESC LIMIT $1`, []any{first + 1}
	if after != "" {
		at, key, err := parse(after)
		if err != nil {
			return c, err
		}
		rest, args = ` AND (o.created_at, o.id) < ($1, $2) ORDER BY o.created_at DESC, o.id DESC LIMIT $3`, []any{at, key, first + 1}
	}
	rows, err := h.db.QueryContext(ctx, orders+rest, args...)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	at, keys := map[int64]int{}, []int64{}
	for rows.Next() {
		var o order
		var created time.Time
		var payer int64
		if err := rows.Scan(&o.key, &o.WONumber, &o.Status, &o.Subject, &o.Priority, &created, &payer, &o.Cari.CariCode, &o.Cari.Title); err != nil {
			return c, err
		}
		if len(c.Edges) == first {
			c.PageInfo.HasNextPage = true
			break
		}
		o.ID, o.Cari.ID, o.CreatedAt, o.Items = id("WorkOrder", o.key), id("Cari", payer), created.UTC().Format("2006-01-02T15:04:05.999999Z"), []item{}
		at[o.key] = len(c.Edges)
		keys = append(keys, o.key)
		c.Edges = append(c.Edges, edge{cursor(created, o.key), o})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return c, err
	}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.EndCursor = &c.Edges[n-1].Cursor
	}
	if err := h.addItems(ctx, keys, func(of int64, i item) {
		o := &c.Edges[at[of]].Node
		o.Items = append(o.Items, i)
	}); err != nil {
		return c, err
	}
	return c, h.db.QueryRowContext(ctx, "SELECT COALESCE(sum(n), 0) FROM work_order_counts").Scan(&c.TotalCount)
}

const items = `SELECT i.id, i.work_order_id, i.quantity, i.unit_price, s.id, s.code, s.name, s.unit
	FROM work_order_items i LEFT JOIN services s ON s.id = i.service_id WHERE i.work_order_id %s ORDER BY i.work_order_id, i.sequence`

func (h *handler) addItems(ctx context.Context, keys []int64, add func(of int64, i item)) error {
	var list any = keys
	if h.list != nil {
		list = h.list(keys)
	}
	rows, err := h.db.QueryContext(ctx, h.items, list)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i item
		var key, of int64
		var sold sql.NullInt64
		var code, name, unit sql.NullString
		if err := rows.Scan(&key, &of, &i.Quantity, &i.UnitPrice, &sold, &code, &name, &unit); err != nil {
			return err
		}
		i.ID, i.Quantity, i.UnitPrice = id("WorkOrderItem", key), short(i.Quantity), short(i.UnitPrice)
		if sold.Valid {
			i.Service = &service{id("Service", sold.Int64), code.String, name.String, unit.String}
		}
		add(of, i)
	}
	return rows.Err()
}

func id(typ string, key int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(typ + ":" + strconv.FormatInt(key, 10)))
}

// short is a decimal without the zeros that PostgreSQL pads it with.
func short(decimal string) string {
	if !strings.Contains(decimal, ".") {
		return decimal
	}
	return strings.TrimSuffix(strings.TrimRight(decimal, "0"), ".")
}

func cursor(at time.Time, key int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + "," + strconv.FormatInt(key, 10)))
}

var errCursor = errors.New("no cursor of this list")

func parse(text string) (at time.Time, key int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return at, 0, errCursor
	}
	moment, digits, _ := strings.Cut(string(b), ",")
	if at, err = time.Parse(time.RFC3339Nano, moment); err != nil {
		return at, 0, errCursor
	}
	key, err = strconv.ParseInt(digits, 10, 64)
	return at, key, err
}
