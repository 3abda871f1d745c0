// Package trail makes up the audit trail of a busy port, for measuring.
package trail

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"aliaport/ent/auditevent"
)

// Users who did something are 200: one of them, a program, did a fifth of it, another
// hardly anything.
const (
	HeavyUser = 1
	RareUser  = 180

	users  = 200
	orders = 50_000
)

// kinds of events with their shares in a thousand.
var kinds = []struct {
	share                  int
	action, resource, path string
	records                int // of the resource; 0: no single record
	outcome                string
	status                 int
	changed                bool
}{
	{170, "update", "work_order_item", "UpdateWorkOrderItem", 250_000, "OK", 200, true},
	{130, "create", "work_order_item", "AddWorkOrderItem", 250_000, "OK", 200, true},
	{110, "update", "work_order", "UpdateWorkOrder", orders, "OK", 200, true},
	{100, "status_change", "work_order", "SubmitWorkOrder", orders, "OK", 200, true},
	{70, "create", "work_order", "CreateWorkOrder", orders, "OK", 200, true},
	{60, "price_calc", "work_order", "RecalculateWorkOrder", orders, "OK", 200, true},
	{60, "token_refresh", "auth", "RefreshToken", users, "OK", 200, false},
	{50, "gate_entry", "gate_log", "GateEntry", 100_000, "OK", 200, true},
	{48, "gate_exit", "gate_log", "GateExit", 100_000, "OK", 200, true},
	{40, "approve", "work_order", "ApproveWorkOrder", orders, "OK", 200, true},
	{30, "login", "auth", "Login", users, "OK", 200, false},
	{25, "create", "work_log", "CreateWorkLog", 80_000, "OK", 200, true},
	{20, "update", "cari", "UpdateCari", 5_000, "OK", 200, true},
	{18, "read", "cari", "CariDetails", 5_000, "OK", 200, false},
	{12, "invoice", "work_order", "InvoiceWorkOrder", orders, "OK", 200, true},
	{10, "close", "work_order", "CloseWorkOrder", orders, "OK", 200, true},
	{10, "update", "work_order", "UpdateWorkOrder", orders, "FAILED", 409, false},
	{8, "start", "trip", "DepartTrip", 30_000, "OK", 200, true},
	{8, "approve", "work_order", "ApproveWorkOrder", orders, "FAILED", 422, false},
	{7, "login_failed", "auth", "Login", 0, "DENIED", 401, false},
	{5, "access_denied", "query", "AuditSearch", 0, "DENIED", 403, false},
	{4, "cancel", "work_order", "CancelWorkOrder", orders, "OK", 200, true},
	{2, "update", "price_list", "AdjustPriceList", 60, "OK", 200, true},
	{2, "delete", "work_order", "DeleteWorkOrder", orders, "OK", 200, false},
	{1, "role_assign", "user", "UpdateUser", users, "OK", 200, true},
}

// Kinds are the actions and the kinds of records that occur, in order.
func Kinds() (actions, resources []string) {
	for _, k := range kinds {
		actions, resources = append(actions, k.action), append(resources, k.resource)
	}
	slices.Sort(actions)
	slices.Sort(resources)
	return slices.Compact(actions), slices.Compact(resources)
}

// Events are made up, evenly over the time and the same in every run: rows of Columns.
func Events(n int, from, to time.Time, seed uint64) iter.Seq2[[]any, error] {
	dice := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // made-up data
	var table []int
	for i, k := range kinds {
		for range k.share {
			table = append(table, i)
		}
	}
	step := to.Sub(from) / time.Duration(n)
	return func(yield func([]any, error) bool) {
		for i := range n {
			k := kinds[table[dice.IntN(len(table))]]
			created := from.Add(time.Duration(i)*step + time.Duration(dice.Int64N(int64(step)))).Truncate(time.Microsecond)
			var user, entity, changes, ip any
			switch roll := dice.IntN(100); {
			case roll < 20:
				user = int64(HeavyUser)
			case roll < 97:
				user = 2 + int64(float64(users-2)*dice.Float64()*dice.Float64()*dice.Float64())
			}
			if k.records > 0 {
				// Mostly records of the last days; those of the 90 days before are half of all.
				newest := float64(k.records) * (0.5 + 0.5*float64(i)/float64(n))
				entity = fmt.Sprint(1 + int(max(0, newest-0.4*float64(k.records)*dice.Float64()*dice.Float64()*dice.Float64())))
			}
			if k.changed {
				changes = json.RawMessage(fmt.Sprintf(`{"status": ["SUBMITTED", "APPROVED"], "total_amount": ["%d.00", "%d.50"], "version": [%d, %d]}`,
					dice.IntN(90_000), dice.IntN(90_000), i%9, i%9+1))
			}
			ip = fmt.Sprintf("10.20.%d.%d", dice.IntN(4), 1+int(250*dice.Float64()*dice.Float64()))
			row := []any{
				user, "OPERASYON", "GRAPHQL", "/graphql#" + k.path, k.action, k.resource, entity, k.outcome, k.status, dice.IntN(80),
				requestID(created, dice), ip, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", changes, created,
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// requestID is one as the server makes them, a UUID that begins with the time.
func requestID(at time.Time, dice *rand.Rand) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|dice.Uint64()&0xfff|0x7000)
	binary.BigEndian.PutUint64(id[8:], dice.Uint64()>>2|1<<63)
	return id.String()
}

// Columns of the rows of Events.
var Columns = []string{
	auditevent.FieldUserID, auditevent.FieldRoles, auditevent.FieldMethod, auditevent.FieldPath, auditevent.FieldAction, auditevent.FieldResource,
	auditevent.FieldEntityID, auditevent.FieldOutcome, auditevent.FieldStatusCode, auditevent.FieldDurationMs, auditevent.FieldRequestID, auditevent.FieldIP,
	auditevent.FieldUserAgent, auditevent.FieldChanges, auditevent.FieldCreatedAt,
}
