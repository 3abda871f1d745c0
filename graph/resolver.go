// Package graph answers the fields of the API. Resolvers translate and decide
// nothing: one call into the package of the noun, or one look-up.
package graph

import (
	"aliaport/internal/audit"
	"aliaport/internal/audit/archive"
	"aliaport/internal/cache/flush"
	"aliaport/internal/cari"
	"aliaport/internal/dashboard"
	"aliaport/internal/gate"
	"aliaport/internal/job"
	"aliaport/internal/motorbot"
	"aliaport/internal/notification"
	"aliaport/internal/parameter"
	"aliaport/internal/person"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/report"
	"aliaport/internal/service"
	"aliaport/internal/tariff"
	"aliaport/internal/trip"
	"aliaport/internal/user"
	"aliaport/internal/worklog"
	"aliaport/internal/workorder"
)

// Resolver holds what the resolvers call.
type Resolver struct {
	Accounts   *cari.Service
	Motorbots  *motorbot.Service
	Trips      *trip.Service
	Services   *service.Service
	Tariffs    *tariff.Service
	WorkOrders *workorder.Service
	Parameters *parameter.Service
	Persons    *person.Service
	WorkLogs   *worklog.Service
	Gate       *gate.Service
	Users      *user.Service
	Panel      *dashboard.Service
	Quotes     *quote.Service
	Rates      *rate.Service
	Trail      *audit.Trail
	Archives   *archive.Service
	Jobs       *job.Service
	Reports    *report.Service
	Limits     Limits
	Cache      *flush.Service
	Notes      *notification.Service
}

// newestEvents is how many entries and exits the dashboard shows.
const newestEvents = 10
