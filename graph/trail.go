package graph

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// deed is what a mutation does, as the trail names it.
type deed struct {
	action   audit.Action
	resource audit.Resource
}

// deeds has every mutation; a test sees to that. Those that succeed write their
// line themselves, in their transaction; this is for those that do not.
var deeds = map[string]deed{
	"login":                       {audit.LoginFailed, audit.Auth},
	"refreshToken":                {audit.TokenRefresh, audit.Auth},
	"logout":                      {audit.Logout, audit.Auth},
	"logoutEverywhere":            {audit.Logout, audit.Auth},
	"revokeSession":               {audit.Logout, audit.Auth},
	"changePassword":              {audit.PasswordChange, audit.User},
	"retryNotificationDeliveries": {audit.Update, audit.Delivery},
	"markNotificationRead":        {audit.Update, audit.Query},
	"markAllNotificationsRead":    {audit.Update, audit.Query},
	"requestPasswordReset":        {audit.ResetRequest, audit.User},
	"resetPassword":               {audit.PasswordReset, audit.User},
	"createUser":                  {audit.Create, audit.User},
	"updateUser":                  {audit.Update, audit.User},
	"setUserPassword":             {audit.PasswordReset, audit.User},
	"unlockUser":                  {audit.Unlock, audit.User},
	"saveRole":                    {audit.Update, audit.Role},
	"deleteRole":                  {audit.Delete, audit.Role},
	"createCari":                  {audit.Create, audit.Cari},
	"updateCari":                  {audit.Update, audit.Cari},
	"deactivateCari":              {audit.Delete, audit.Cari},
	"activateCari":                {audit.Update, audit.Cari},
	"runJob":                      {audit.JobRun, audit.Job},
	"cancelJob":                   {audit.Cancel, audit.Job},
	"retryJob":                    {audit.JobRetry, audit.Job},
	"generateMonthlyReport":       {audit.Create, audit.MonthlyReport},
	"flushCache":                  {audit.CacheFlush, audit.Cache},
	"fetchExchangeRates":          {audit.RateFetch, audit.ExchangeRate},
	"setExchangeRate":             {audit.RateManual, audit.ExchangeRate},
	"reviewExchangeRate":          {audit.Approve, audit.ExchangeRate},
	"createParameter":             {audit.Create, audit.Parameter},
	"updateParameter":             {audit.ParameterChange, audit.Parameter},
	"deactivateParameter":         {audit.Delete, audit.Parameter},
	"activateParameter":           {audit.Update, audit.Parameter},
	"createMotorbot":              {audit.Create, audit.Motorbot},
	"updateMotorbot":              {audit.Update, audit.Motorbot},
	"setMotorbotStatus":           {audit.StatusChange, audit.Motorbot},
	"deleteMotorbot":              {audit.Delete, audit.Motorbot},
	"planTrip":                    {audit.Create, audit.Trip},
	"updateTrip":                  {audit.Update, audit.Trip},
	"departTrip":                  {audit.Start, audit.Trip},
	"returnTrip":                  {audit.Complete, audit.Trip},
	"cancelTrip":                  {audit.Cancel, audit.Trip},
	"priceTrip":                   {audit.PriceCalc, audit.Trip},
	"markTripInvoiced":            {audit.Invoice, audit.Trip},
	"deleteTrip":                  {audit.Delete, audit.Trip},
	"createService":               {audit.Create, audit.Service},
	"updateService":               {audit.Update, audit.Service},
	"deactivateService":           {audit.Delete, audit.Service},
	"activateService":             {audit.Update, audit.Service},
	"createPriceList":             {audit.Create, audit.PriceList},
	"updatePriceList":             {audit.Update, audit.PriceList},
	"addPriceListItems":           {audit.Update, audit.PriceList},
	"updatePriceListItem":         {audit.Update, audit.PriceListItem},
	"removePriceListItem":         {audit.Delete, audit.PriceListItem},
	"activatePriceList":           {audit.StatusChange, audit.PriceList},
	"deactivatePriceList":         {audit.StatusChange, audit.PriceList},
	"deletePriceList":             {audit.Delete, audit.PriceList},
	"copyPriceList":               {audit.Create, audit.PriceList},
	"adjustPriceList":             {audit.Update, audit.PriceList},
	"saveServiceOverride":         {audit.Update, audit.PriceOverride},
	"endServiceOverride":          {audit.Update, audit.PriceOverride},
	"createWorkOrder":             {audit.Create, audit.WorkOrder},
	"updateWorkOrder":             {audit.Update, audit.WorkOrder},
	"deleteWorkOrder":             {audit.Delete, audit.WorkOrder},
	"addWorkOrderItem":            {audit.Create, audit.WorkOrderItem},
	"updateWorkOrderItem":         {audit.Update, audit.WorkOrderItem},
	"removeWorkOrderItem":         {audit.Delete, audit.WorkOrderItem},
	"recalculateWorkOrder":        {audit.PriceCalc, audit.WorkOrder},
	"setWorkOrderSurcharges":      {audit.SurchargeApply, audit.WorkOrder},
	"submitWorkOrder":             {audit.StatusChange, audit.WorkOrder},
	"approveWorkOrder":            {audit.Approve, audit.WorkOrder},
	"rejectWorkOrder":             {audit.Reject, audit.WorkOrder},
	"withdrawWorkOrder":           {audit.StatusChange, audit.WorkOrder},
	"reopenWorkOrder":             {audit.Reopen, audit.WorkOrder},
	"startWorkOrder":              {audit.Start, audit.WorkOrder},
	"completeWorkOrder":           {audit.Complete, audit.WorkOrder},
	"invoiceWorkOrder":            {audit.Invoice, audit.WorkOrder},
	"closeWorkOrder":              {audit.Close, audit.WorkOrder},
	"cancelWorkOrder":             {audit.Cancel, audit.WorkOrder},

	"calculateWorkOrderOvertime":  {audit.PriceCalc, audit.WorkOrder},
	"addWorkOrderPerson":          {audit.Create, audit.WorkOrderPerson},
	"updateWorkOrderPerson":       {audit.Update, audit.WorkOrderPerson},
	"removeWorkOrderPerson":       {audit.Delete, audit.WorkOrderPerson},
	"approveWorkOrderPersons":     {audit.Approve, audit.WorkOrderPerson},
	"refuseWorkOrderPerson":       {audit.Reject, audit.WorkOrderPerson},
	"createWorkLog":               {audit.Create, audit.WorkLog},
	"updateWorkLog":               {audit.Update, audit.WorkLog},
	"approveWorkLog":              {audit.Approve, audit.WorkLog},
	"rejectWorkLog":               {audit.Reject, audit.WorkLog},
	"processWorkLog":              {audit.StatusChange, audit.WorkLog},
	"deleteWorkLog":               {audit.Delete, audit.WorkLog},
	"gateEntry":                   {audit.GateEntry, audit.GateLog},
	"gateExit":                    {audit.GateExit, audit.GateLog},
	"correctGateLog":              {audit.Update, audit.GateLog},
	"updateGateLogNotes":          {audit.Update, audit.GateLog},
	"setGatePin":                  {audit.Update, audit.GatePIN},
	"saveGateChecklistItem":       {audit.Update, audit.ChecklistItem},
	"deactivateGateChecklistItem": {audit.Delete, audit.ChecklistItem},
}

// Attempts writes into the trail what signed-in users tried and did not get: denied
// fields, and mutations that were refused or failed. It does so after the rolled-back
// transaction, in one of its own.
type Attempts struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger
	// Denials keeps those who ask for what they may not have from filling the trail.
	Denials *audit.Tally
	// Dropped, unless nil, is told of a line that could not be written.
	Dropped func()
}

var _ graphql.RootFieldInterceptor = Attempts{}

// ExtensionName names the extension.
func (Attempts) ExtensionName() string { return "Attempts" }

// Validate accepts every schema.
func (Attempts) Validate(graphql.ExecutableSchema) error { return nil }

type refusedKey struct{}

// noteRefused remembers the first refusal of the mutation being answered.
func noteRefused(ctx context.Context, code apperr.Code) {
	if first, ok := ctx.Value(refusedKey{}).(*apperr.Code); ok && *first == "" {
		*first = code
	}
}

// InterceptRootField looks at how a field ended.
func (a Attempts) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if actor.From(ctx) == nil || graphql.GetRootFieldContext(ctx).Field.Name == "login" {
		return next(ctx) // refused logins are counted elsewhere; strangers get nothing else
	}
	var refused apperr.Code
	m := next(context.WithValue(ctx, refusedKey{}, &refused))
	field := graphql.GetRootFieldContext(ctx)
	code := failed(graphql.GetErrors(ctx), field.Field.Alias)
	if code == "" {
		code = refused
	}
	switch {
	case code == "" || code == apperr.ReadOnly || strings.HasPrefix(field.Field.Name, "__"):
	case code == apperr.Forbidden:
		e := event(ctx, field, audit.Event{Action: audit.AccessDenied, Resource: deeds[field.Field.Name].resource, Outcome: audit.Denied, Code: code})
		a.Denials.Note(ctx, field.Field.Name, e)
	case isMutation(ctx):
		d := deeds[field.Field.Name]
		a.write(ctx, event(ctx, field, audit.Event{Action: d.action, Resource: d.resource, Outcome: audit.Failed, Code: code}))
	}
	return m
}

// failed is the code of the error at the field itself.
func failed(errs gqlerror.List, alias string) apperr.Code {
	for _, e := range errs {
		if len(e.Path) == 1 && e.Path.String() == alias {
			code, _ := e.Extensions["code"].(apperr.Code)
			return code
		}
	}
	return ""
}

// isMutation tells the fields of Mutation from those of Query. The engine's Object
// is the field's own name here.
func isMutation(ctx context.Context) bool {
	return graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation
}

// event fills in what the field tells.
func event(ctx context.Context, field *graphql.RootFieldContext, e audit.Event) audit.Event {
	e.Extra = map[string]any{"field": field.Field.Name, "code": e.Code}
	if e.Resource == "" {
		e.Resource = audit.Query
	}
	if id := named(ctx, field); id.Type == e.Resource.Node() {
		e.EntityID = id.Key
	} else if id.Type != "" {
		e.Extra["on"] = id.String() // what it was to be a part of, or an id of the wrong kind
	}
	return e
}

func (a Attempts) write(ctx context.Context, e audit.Event) {
	// The request may be over its time; the trail is written all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.DB.InTx(ctx, func(tx *ent.Tx) error { return audit.Record(ctx, tx, a.Now(), e) }); err != nil {
		a.Log.ErrorContext(ctx, "attempt not recorded", "action", e.Action, "code", e.Code, "err", err)
		if a.Dropped != nil {
			a.Dropped()
		}
	}
}

// named is the record that the input names; the zero value if it names none.
func named(ctx context.Context, field *graphql.RootFieldContext) globalid.ID {
	input, _ := field.Field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)["input"].(map[string]any)
	names := []string{"id"}
	switch deeds[field.Field.Name].resource {
	case audit.WorkOrderItem: // one that is to be added is known by its order
		names = append(names, "workOrderId")
	case audit.PriceList: // to which something is to be added
		names = append(names, "priceListId")
	default:
	}
	for _, name := range names {
		if s, ok := input[name].(string); ok {
			if id, err := globalid.Parse(s); err == nil {
				return id
			}
		}
	}
	return globalid.ID{}
}
