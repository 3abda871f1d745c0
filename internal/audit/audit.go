// Package audit writes the trail: who did what to which record, inside the
// transaction of the change, so that neither exists without the other.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/identity"
	"aliaport/internal/input"
)

// Action is what was done. The names are those of the port's trail.
type Action string

// Actions.
const (
	Read         Action = "read"
	Create       Action = "create"
	Update       Action = "update"
	Delete       Action = "delete"
	StatusChange Action = "status_change"
	Approve      Action = "approve"
	Reject       Action = "reject"
	Start        Action = "start"
	Complete     Action = "complete"
	Invoice      Action = "invoice"
	Close        Action = "close"
	Cancel       Action = "cancel"
	Reopen       Action = "reopen"
	Login        Action = "login"
	LoginFailed  Action = "login_failed"
	Logout       Action = "logout"
	TokenRefresh Action = "token_refresh"
	TokenReuse   Action = "token_reuse"
	Lock         Action = "lock"
	Unlock       Action = "unlock"

	PasswordChange Action = "password_change"
	PasswordReset  Action = "password_reset"
	ResetRequest   Action = "password_reset_request"
	RoleAssign     Action = "role_assign"
	AccessDenied   Action = "access_denied"
	RateLimited    Action = "rate_limited"
	PriceCalc      Action = "price_calc"
	SurchargeApply Action = "surcharge_apply"

	RateFetch       Action = "rate_fetch"
	RateManual      Action = "rate_manual"
	ParameterChange Action = "parameter_change"
	GateEntry       Action = "gate_entry"
	GateExit        Action = "gate_exit"
	GateException   Action = "gate_exception"
	CacheFlush      Action = "cache_flush"
	ReadOnlySwitch  Action = "read_only"
	JobRun          Action = "job_run"
	JobRetry        Action = "job_retry"
)

// Outcomes say how it ended. The type has no second name here: gqlgen may take
// an alias in place of the type it stands for, and write either on any day.
const (
	OK     = auditevent.OutcomeOk
	Denied = auditevent.OutcomeDenied
	Failed = auditevent.OutcomeFailed
)

// Resource is the kind of record it was done to.
type Resource string

// Resources.
const (
	WorkOrder     Resource = "work_order"
	WorkOrderItem Resource = "work_order_item"
	Cari          Resource = "cari"
	Motorbot      Resource = "motorbot"
	Trip          Resource = "trip"
	Service       Resource = "service"
	Parameter     Resource = "parameter"
	PriceList     Resource = "price_list"
	PriceListItem Resource = "price_list_item"
	PriceOverride Resource = "service_override"
	User          Resource = "user"
	Role          Resource = "role"
	ExchangeRate  Resource = "exchange_rate"
	Auth          Resource = "auth"
	Query         Resource = "query"
	Cache         Resource = "cache"
	Database      Resource = "database"

	WorkOrderPerson Resource = "work_order_person"
	WorkLog         Resource = "work_log"
	GateLog         Resource = "gate_log"
	ChecklistItem   Resource = "checklist_item"
	GatePIN         Resource = "gate_pin"
	Job             Resource = "job"
	MonthlyReport   Resource = "monthly_report"
	Delivery        Resource = "notification_delivery"
)

// Changes are the fields that a change touched: name → old and new value.
type Changes map[string][2]any

// Set notes a field if its value changed. Values are compared as they print, so
// that 5 and 5.00 are no change for decimals.
func (c Changes) Set(field string, before, after any) {
	if fmt.Sprint(before) != fmt.Sprint(after) {
		c[field] = [2]any{before, after}
	}
}

// Put hands a given value to a builder and notes the change.
func Put[T, U any](changes Changes, field string, to *T, was T, put func(T) U) {
	if to != nil {
		put(*to)
		changes.Set(field, was, *to)
	}
}

// PutOrDrop hands a value that may be empty to a builder, or empties the field, and
// notes the change.
func PutOrDrop[T, U any](changes Changes, field string, c input.Change[T], was *T, put func(T) U, drop func() U) {
	if !c.Given {
		return
	}
	changes.Set(field, Shown(was), Shown(c.To))
	if c.To == nil {
		drop()
	} else {
		put(*c.To)
	}
}

// Shown is a value as the trail shows it; nil when empty.
func Shown[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// Event is one line of the trail. Who, how and when come from the context.
type Event struct {
	Action   Action
	Resource Resource
	EntityID int64              // 0: no single record
	Outcome  auditevent.Outcome // OK when empty
	Code     apperr.Code        // why it did not end well; its HTTP number is kept
	Changes  Changes
	Extra    map[string]any
}

// http200 is the status of what went well.
const http200 = 200

// Record writes the event in the caller's transaction.
func Record(ctx context.Context, tx *ent.Tx, now time.Time, e Event) error {
	fill, err := e.fill(ctx, now)
	if err != nil {
		return err
	}
	c := tx.AuditEvent.Create()
	fill(c)
	if err := c.Exec(ctx); err != nil {
		return fmt.Errorf("record %s of %s %d: %w", e.Action, e.Resource, e.EntityID, err)
	}
	return nil
}

// fill returns what writes the columns of the event as it is now: who asks and how is
// not looked up later.
func (e *Event) fill(ctx context.Context, now time.Time) (func(*ent.AuditEventCreate), error) {
	who, req, event := actor.From(ctx), *actor.RequestFrom(ctx), *e
	var changes, extra json.RawMessage
	var err error
	if len(e.Changes) > 0 {
		if changes, err = json.Marshal(masked(e.Changes)); err != nil {
			return nil, fmt.Errorf("record %s of %s %d: %w", e.Action, e.Resource, e.EntityID, err)
		}
	}
	if len(e.Extra) > 0 {
		if extra, err = json.Marshal(e.Extra); err != nil {
			return nil, fmt.Errorf("record %s of %s %d: %w", e.Action, e.Resource, e.EntityID, err)
		}
	}
	return func(c *ent.AuditEventCreate) {
		c.SetMethod(orElse(req.Method, "CLI")).SetPath(Clip(orElse(req.Path, "-"), 300)).
			SetAction(string(event.Action)).SetResource(string(event.Resource)).
			SetOutcome(OK).SetStatusCode(http200).
			SetRequestID(req.ID).SetRoles("").SetDurationMs(0).SetCreatedAt(now)
		if event.EntityID != 0 {
			c.SetEntityID(strconv.FormatInt(event.EntityID, 10))
		}
		if event.Outcome != "" && event.Outcome != OK {
			c.SetOutcome(event.Outcome).SetStatusCode(event.Code.HTTP())
		}
		if who != nil {
			if who.ID != 0 {
				c.SetUserID(who.ID)
			}
			c.SetRoles(Clip(strings.Join(who.Roles, ","), 200))
		}
		if !req.Start.IsZero() {
			c.SetDurationMs(int(now.Sub(req.Start).Milliseconds()))
		}
		if req.IP != "" {
			c.SetIP(Clip(req.IP, 64))
		}
		if req.UserAgent != "" {
			c.SetUserAgent(Clip(req.UserAgent, 300))
		}
		if changes != nil {
			c.SetChanges(changes)
		}
		if extra != nil {
			c.SetExtra(extra)
		}
	}, nil
}

// personal are the fields whose values the trail must not keep whole.
var personal = map[string]func(string) string{
	"national_id":   identity.Masked,
	"passport_no":   identity.Masked,
	"iban":          func(s string) string { return hide(s, 4, 4) },
	"phone":         identity.Masked,
	"password_hash": func(string) string { return "***" },
}

func masked(c Changes) Changes {
	out := make(Changes, len(c))
	for field, v := range c {
		if mask, ok := personal[field]; ok {
			for i := range v {
				if s := fmt.Sprint(v[i]); v[i] != nil && s != "" {
					v[i] = mask(s)
				}
			}
		}
		out[field] = v
	}
	return out
}

// hide keeps the first and last characters and stars the rest.
func hide(s string, first, last int) string {
	if len(s) <= first+last {
		return "***"
	}
	return s[:first] + strings.Repeat("*", len(s)-first-last) + s[len(s)-last:]
}

// Clip shortens s to n bytes without cutting a letter in half.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
