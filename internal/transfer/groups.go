package transfer

import (
	"fmt"
	"slices"
	"strings"

	"aliaport/internal/proof"
)

// groups are tables that may be moved before the others. What they refer to moves
// with them.
var groups = map[string][]string{
	"access":  {"users", "roles", "permissions", "user_roles", "role_permissions", "gate_pins"},
	"tariffs": {"parameters", "parameter_history", "exchange_rates", "services", "price_lists", "price_list_items", "service_tariff_overrides"},
	"orders": {
		"cari", "work_orders", "work_order_items", "work_order_persons", "work_order_adjustments", "work_order_status_history", "work_logs", "number_sequences",
	},
	"port":  {"motorbot", "trips", "gate_logs", "gate_checklist_items"},
	"trail": {"audit_events", "audit_archives"},
}

// critical are the groups without which nobody can work.
var critical = []string{"access", "tariffs", "orders", "port"}

// Groups are the names that Select knows.
func Groups() []string {
	out := []string{"critical"}
	for name := range groups {
		out = append(out, name)
	}
	slices.Sort(out[1:])
	return out
}

// Select are the tables of groups and all that they refer to, parents first. Without
// groups these are all tables.
func Select(names []string) ([]*proof.Table, error) {
	all := proof.Tables()
	if len(names) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		list := []string{name}
		if name == "critical" {
			list = critical
		}
		for _, group := range list {
			tables, ok := groups[group]
			if !ok {
				return nil, fmt.Errorf("there is no group %q: want %s", group, strings.Join(Groups(), ", "))
			}
			for _, t := range tables {
				wanted[t] = true
			}
		}
	}
	// Children come after their parents: from the end every wanted child is met first.
	for _, t := range slices.Backward(all) {
		if wanted[t.Name] {
			for _, r := range t.References {
				wanted[r.Table] = true
			}
		}
	}
	return slices.DeleteFunc(all, func(t *proof.Table) bool { return !wanted[t.Name] }), nil
}
