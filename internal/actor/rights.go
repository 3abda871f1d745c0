package actor

import (
	"slices"
	"strings"
)

// Permission is a right, resource:action. DOMAIN names stay Turkish where the
// port's words are (cari, sefer, hizmet …); docs/glossary.md explains them.
type Permission string

// Every right there is.
const (
	CariRead         Permission = "cari:read"
	CariWrite        Permission = "cari:write"
	CariDelete       Permission = "cari:delete"
	MotorbotRead     Permission = "motorbot:read"
	MotorbotWrite    Permission = "motorbot:write"
	MotorbotDelete   Permission = "motorbot:delete"
	TripRead         Permission = "sefer:read"
	TripWrite        Permission = "sefer:write"
	TripDelete       Permission = "sefer:delete"
	ServiceRead      Permission = "hizmet:read"
	ServiceWrite     Permission = "hizmet:write"
	ServiceDelete    Permission = "hizmet:delete"
	TariffRead       Permission = "tarife:read"
	TariffWrite      Permission = "tarife:write"
	TariffDelete     Permission = "tarife:delete"
	RateRead         Permission = "kurlar:read"
	RateWrite        Permission = "kurlar:write"
	RateDelete       Permission = "kurlar:delete"
	ParameterRead    Permission = "parametre:read"
	ParameterWrite   Permission = "parametre:write"
	ParameterDelete  Permission = "parametre:delete"
	WorkOrderRead    Permission = "workorder:read"
	WorkOrderWrite   Permission = "workorder:write"
	WorkOrderDelete  Permission = "workorder:delete"
	WorkOrderApprove Permission = "workorder:approve"
	WorkOrderInvoice Permission = "workorder:invoice"
	WorkOrderClose   Permission = "workorder:close"
	FieldRead        Permission = "saha:read"
	FieldWrite       Permission = "saha:write"
	FieldDelete      Permission = "saha:delete"
	FieldApprove     Permission = "saha:approve"
	GateRead         Permission = "guvenlik:read"
	GateWrite        Permission = "guvenlik:write"
	GateDelete       Permission = "guvenlik:delete"
	GateException    Permission = "guvenlik:exception"
	GateChecklist    Permission = "guvenlik:checklist"
	BerthingRead     Permission = "barinma:read"
	BerthingWrite    Permission = "barinma:write"
	BerthingDelete   Permission = "barinma:delete"
	ReportRead       Permission = "rapor:read"
	ReportExport     Permission = "rapor:export"
	AuditRead        Permission = "audit:read"
	UserAdmin        Permission = "user:admin"
	JobRun           Permission = "job:run"
	CacheFlush       Permission = "cache:flush"
)

// The built-in roles.
const (
	RoleAdmin      = "SISTEM_YONETICISI"
	RoleOperations = "OPERASYON"
	RoleFinance    = "FINANS"
	RoleGate       = "GUVENLIK"
	RoleField      = "SAHA"
	RoleReadOnly   = "READONLY"
)

// RoleNames lists the built-in roles in the order of the matrix.
var RoleNames = []string{RoleAdmin, RoleOperations, RoleFinance, RoleGate, RoleField, RoleReadOnly}

// matrix is the table of rights: a row a resource, a column a role in the order
// of RoleNames; r read, w write, d delete, or the action's own name.
var matrix = []struct {
	resource string
	rights   [6]string
}{
	{"cari", [6]string{"rwd", "rwd", "rwd", "r", "r", "r"}},
	{"motorbot", [6]string{"rwd", "rwd", "r", "r", "r", "r"}},
	{"sefer", [6]string{"rwd", "rwd", "r", "r", "rw", "r"}},
	{"hizmet", [6]string{"rwd", "rwd", "r", "", "r", "r"}},
	{"tarife", [6]string{"rwd", "r", "rwd", "", "", "r"}},
	{"kurlar", [6]string{"rwd", "r", "rwd", "", "", "r"}},
	{"parametre", [6]string{"rwd", "r", "r", "r", "r", "r"}},
	{"workorder", [6]string{"rwd approve invoice close", "rwd approve", "r invoice close", "r", "rw", "r"}},
	{"saha", [6]string{"rwd approve", "r approve", "", "", "rwd", "r"}},
	{"guvenlik", [6]string{"rwd exception checklist", "r checklist", "", "rw exception", "r", "r"}},
	{"barinma", [6]string{"rwd", "rwd", "r", "r", "", "r"}},
	{"rapor", [6]string{"r export", "r export", "r export", "", "", "r"}},
	{"audit", [6]string{"r", "", "", "", "", ""}},
	{"user", [6]string{"admin", "", "", "", "", ""}},
	{"job", [6]string{"run", "", "", "", "", ""}},
	{"cache", [6]string{"flush", "", "", "", "", ""}},
}

// RolePermissions is what each built-in role may do when it is first made. Later
// the database is the truth: an administrator may change a role.
var RolePermissions = func() map[string][]Permission {
	roles := map[string][]Permission{}
	for _, row := range matrix {
		for i, cell := range row.rights {
			for _, action := range actions(cell) {
				roles[RoleNames[i]] = append(roles[RoleNames[i]], Permission(row.resource+":"+action))
			}
		}
	}
	return roles
}()

// Permissions lists every right, sorted. The administrator's role has them all.
var Permissions = func() []Permission {
	all := slices.Clone(RolePermissions[RoleAdmin])
	slices.Sort(all)
	return all
}()

func actions(cell string) (names []string) {
	for word := range strings.FieldsSeq(cell) {
		if strings.Trim(word, "rwd") != "" {
			names = append(names, word)
			continue
		}
		for _, letter := range word {
			names = append(names, map[rune]string{'r': "read", 'w': "write", 'd': "delete"}[letter])
		}
	}
	return names
}
