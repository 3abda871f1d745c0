// Package config reads the settings: environment variables that begin with
// ALIAPORT_, and flags of the same names that go first. All faults are told at
// once, each with its remedy, and secrets cannot be printed.
//
// A new setting is a field of Config; its flag, its line in README.md and its
// default follow from the tags. A rule about it is a line in check.go.
package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Prefix begins the name of every variable.
const Prefix = "ALIAPORT_"

// Config is every setting of the program. The tag desc documents a field; the
// fields of type Secret may also be given as the path of a file, in the variable
// whose name ends in _FILE. A Secret with the tag flag:"file" has no flag for
// its value: every user of a machine can read command lines.
type Config struct {
	// Database.
	DatabaseURL       Secret        `env:"DATABASE_URL" envDefault:"sqlite://data/aliaport.db" desc:"Where the data is: sqlite://path or postgres://user:password@host:5432/name"`
	DBMaxOpen         int           `env:"DB_MAX_OPEN" envDefault:"30" desc:"PostgreSQL connections at most"`
	DBMaxIdle         int           `env:"DB_MAX_IDLE" envDefault:"10" desc:"PostgreSQL connections kept open"`
	DBMaxLifetime     time.Duration `env:"DB_MAX_LIFETIME" envDefault:"30m" desc:"Age at which a PostgreSQL connection is replaced"`
	StatementTimeout  time.Duration `env:"STATEMENT_TIMEOUT" envDefault:"30s" desc:"Time after which PostgreSQL gives a statement up; 0: never"`
	StatementCache    int           `env:"STATEMENT_CACHE" envDefault:"256" desc:"Prepared statements kept per connection; 0: none"`
	SlowStatement     time.Duration `env:"SLOW_STATEMENT" envDefault:"200ms" desc:"Statements that take longer are logged, with their plans; 0: none"`
	SQLProfile        bool          `env:"SQL_PROFILE" envDefault:"false" desc:"Log every SQL statement with its text, time, rows, field and request"`
	SQLiteReaders     int           `env:"SQLITE_READERS" envDefault:"0" desc:"SQLite connections that only read; 0: two per core"`
	SQLiteSynchronous string        `env:"SQLITE_SYNCHRONOUS" envDefault:"FULL" desc:"FULL: what is acknowledged survives a power cut. NORMAL: faster, the last commits may not"`
	Migrate           bool          `env:"MIGRATE" envDefault:"false" desc:"Apply pending migrations at start on PostgreSQL too; on SQLite that is always done"`

	// Cache.
	RedisURL           Secret        `env:"REDIS_URL" desc:"Redis shared by several servers: redis://host:6379/0; empty: none"`
	RedisTimeout       time.Duration `env:"REDIS_TIMEOUT" envDefault:"20ms" desc:"How long a question to Redis may take before the server decides by itself"`
	Cache              string        `env:"CACHE" envDefault:"auto" desc:"Where answers are kept. auto: in this process, and in Redis where REDIS_URL is given. memory: in this process only. redis: in Redis only. off: nowhere"`
	CacheBytes         int64         `env:"CACHE_BYTES" envDefault:"67108864" desc:"Answers kept in this process at most"`
	CacheTTLParameters time.Duration `env:"CACHE_TTL_PARAMETERS" envDefault:"1h" desc:"How long the parameters of a category are kept; a change is seen at once all the same, as with all the following but the trail"`
	CacheTTLRates      time.Duration `env:"CACHE_TTL_RATES" envDefault:"5m" desc:"How long exchange rates are kept"`
	CacheTTLTariffs    time.Duration `env:"CACHE_TTL_TARIFFS" envDefault:"15m" desc:"How long the price list in force is kept"`
	CacheTTLServices   time.Duration `env:"CACHE_TTL_SERVICES" envDefault:"15m" desc:"How long services are kept"`
	CacheTTLCustomers  time.Duration `env:"CACHE_TTL_CUSTOMERS" envDefault:"15m" desc:"How long customers are kept, in this process only"`
	CacheTTLRights     time.Duration `env:"CACHE_TTL_RIGHTS" envDefault:"5m" desc:"How long the roles and rights of a user are kept"`
	CacheTTLTrail      time.Duration `env:"CACHE_TTL_TRAIL" envDefault:"30s" desc:"How old latestAuditEvents may be, the only answer that may lag"`

	// Listeners.
	Listen            string        `env:"LISTEN" envDefault:"127.0.0.1:8080" desc:"Address of the API and the playground"`
	AdminListen       string        `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" desc:"Address of /metrics and /debug/pprof; loopback only"`
	AdminListenPublic bool          `env:"ADMIN_LISTEN_PUBLIC" envDefault:"false" desc:"Let ADMIN_LISTEN be reached from other machines; nothing there asks for a password"`
	TLSCert           string        `env:"TLS_CERT" desc:"Path of the certificate chain (PEM); with TLS_KEY the API is served over HTTPS"`
	TLSKey            string        `env:"TLS_KEY" desc:"Path of the certificate's key (PEM)"`
	CORSOrigins       []string      `env:"CORS_ORIGINS" desc:"Origins of pages that may call the API, separated by commas: https://console.port.example"`
	ReadHeaderTimeout time.Duration `env:"READ_HEADER_TIMEOUT" envDefault:"5s" desc:"Time a client has to send its headers"`
	ReadTimeout       time.Duration `env:"READ_TIMEOUT" envDefault:"15s" desc:"Time a client has to send a request"`
	WriteTimeout      time.Duration `env:"WRITE_TIMEOUT" envDefault:"60s" desc:"Time from the end of the headers to the end of the answer"`
	IdleTimeout       time.Duration `env:"IDLE_TIMEOUT" envDefault:"2m" desc:"Time a connection may rest between requests"`
	RequestTimeout    time.Duration `env:"REQUEST_TIMEOUT" envDefault:"30s" desc:"Time an operation may take; then it answers TIMEOUT"`
	ShutdownDelay     time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s" desc:"How long a server that is told to stop goes on serving, while /readyz says that it stops, so that load balancers send nothing more"`
	ShutdownTimeout   time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s" desc:"Time running requests get to finish when the server stops"`

	// Who may come in.
	AdminEmail           string        `env:"ADMIN_EMAIL" envDefault:"admin@aliaport.example" desc:"E-mail of the first administrator, made when there are no users"`
	AdminPassword        Secret        `env:"ADMIN_PASSWORD" flag:"file" desc:"Password of the first administrator; empty: one is generated and shown once"`
	JWTKey               Secret        `env:"JWT_KEY" flag:"file" desc:"Key that signs access tokens, at least 32 bytes. Required on PostgreSQL; on SQLite one is made and kept beside the database"`
	AccessTokenLifetime  time.Duration `env:"ACCESS_TOKEN_LIFETIME" envDefault:"15m" desc:"How long an access token is good"`
	RefreshTokenLifetime time.Duration `env:"REFRESH_TOKEN_LIFETIME" envDefault:"168h" desc:"How long a session lasts without being used"`
	AllowSelfApproval    bool          `env:"ALLOW_SELF_APPROVAL" envDefault:"false" desc:"Let requesters approve their own work orders"`

	// Limits and behaviour of the API.
	MaxBodyBytes       int64         `env:"MAX_BODY_BYTES" envDefault:"262144" desc:"Largest request accepted"`
	PageSizeDefault    int           `env:"PAGE_SIZE_DEFAULT" envDefault:"50" desc:"Rows of a list when neither first nor last is given"`
	PageSizeMax        int           `env:"PAGE_SIZE_MAX" envDefault:"100" desc:"Rows of a list at most"`
	IdempotencyTTL     time.Duration `env:"IDEMPOTENCY_TTL" envDefault:"24h" desc:"How long a repeated idempotencyKey answers the first result"`
	LoaderWait         time.Duration `env:"LOADER_WAIT" envDefault:"1ms" desc:"How long a nested field waits for others to be read with it"`
	LoaderBatch        int           `env:"LOADER_BATCH" envDefault:"200" desc:"Rows read together for nested fields at most"`
	CompiledSelections bool          `env:"COMPILED_SELECTIONS" envDefault:"true" desc:"Write what queries select by compiled writers; off, the engine writes it field by field, slower and alike"`
	GCPercent          int           `env:"GC_PERCENT" envDefault:"400" desc:"How much the heap grows between two runs of the garbage collector, in percent; more takes memory and saves time. GOGC, where it is set, goes before"`
	MemoryTarget       int64         `env:"MEMORY_TARGET" envDefault:"268435456" desc:"Bytes of memory from which the collector runs more often rather than take more. GOMEMLIMIT, where it is set, goes before"`
	PlaygroundEnabled  bool          `env:"PLAYGROUND_ENABLED" envDefault:"true" desc:"Serve /playground"`
	Introspection      bool          `env:"INTROSPECTION" envDefault:"false" desc:"Let strangers read the schema and get spelling suggestions; those signed in always can"`

	// Exchange rates.
	RateSourceURL      string        `env:"RATE_SOURCE_URL" envDefault:"https://www.tcmb.gov.tr/kurlar" desc:"Folder of today.xml and of the archive of rate bulletins"`
	RateSourceTimeout  time.Duration `env:"RATE_SOURCE_TIMEOUT" envDefault:"10s" desc:"Time that fetching a bulletin may take"`
	RateSourceMaxBytes int64         `env:"RATE_SOURCE_MAX_BYTES" envDefault:"1048576" desc:"Largest bulletin accepted"`

	// What one document may cost; 0: no limit. docs/security.md says what is counted.
	LimitMeasureOnly bool `env:"LIMIT_MEASURE_ONLY" envDefault:"false" desc:"Tell the cost of documents, but refuse none for it"`
	LimitTokens      int  `env:"LIMIT_TOKENS" envDefault:"2000" desc:"Words of a document"`
	LimitDepth       int  `env:"LIMIT_DEPTH" envDefault:"15" desc:"Levels of fields"`
	LimitSchemaDepth int  `env:"LIMIT_SCHEMA_DEPTH" envDefault:"20" desc:"Levels of fields below __schema"`
	LimitInputDepth  int  `env:"LIMIT_INPUT_DEPTH" envDefault:"8" desc:"Levels of lists and objects in an argument or variable"`
	LimitRootFields  int  `env:"LIMIT_ROOT_FIELDS" envDefault:"25" desc:"Fields of the operation itself"`
	LimitAliases     int  `env:"LIMIT_ALIASES" envDefault:"50" desc:"Fields under another name"`
	LimitDirectives  int  `env:"LIMIT_DIRECTIVES" envDefault:"50" desc:"Directives"`
	LimitFragments   int  `env:"LIMIT_FRAGMENTS" envDefault:"150" desc:"Spreads of fragments"`
	LimitRepeats     int  `env:"LIMIT_REPEATS" envDefault:"200" desc:"How often one field may be selected"`
	LimitNodes       int  `env:"LIMIT_NODES" envDefault:"20000" desc:"Objects of the answer, worked out from page sizes"`
	LimitFields      int  `env:"LIMIT_FIELDS" envDefault:"200000" desc:"Fields of all objects of the answer"`
	LimitSchemaNodes int  `env:"LIMIT_SCHEMA_NODES" envDefault:"50000" desc:"Objects of an introspection"`

	// How often; 0: no limit. With REDIS_URL the counts are shared by all servers.
	RateOperations  int      `env:"RATE_OPERATIONS" envDefault:"300" desc:"Operations a minute of one user, or of one address before signing in"`
	RateCost        int      `env:"RATE_COST" envDefault:"500000" desc:"Objects of answers a minute of one user, worked out from page sizes before they are read"`
	RateLogins      int      `env:"RATE_LOGINS" envDefault:"10" desc:"Sign-ins a minute from one address, and to one account"`
	RateMeasureOnly bool     `env:"RATE_MEASURE_ONLY" envDefault:"false" desc:"Count what these limits would refuse, but refuse nothing"`
	TrustedProxies  []string `env:"TRUSTED_PROXIES" desc:"Networks of proxies whose X-Forwarded-For is believed, separated by commas: 10.0.0.0/8"`

	// Audit trail.
	AuditRetentionDays int           `env:"AUDIT_RETENTION_DAYS" envDefault:"90" desc:"Age from which months of the trail leave the database for the archive, whole ones only"`
	AuditArchiveDir    string        `env:"AUDIT_ARCHIVE_DIR" envDefault:"data/audit" desc:"Folder of the archived months of the trail; it belongs into the backup"`
	AuditExports       int           `env:"AUDIT_EXPORTS" envDefault:"2" desc:"Exports of the trail that may run at once; each keeps a database connection"`
	AuditReads         string        `env:"AUDIT_READS" envDefault:"sensitive" desc:"Which reads the trail keeps. sensitive: searches of the trail, exports, a customer's details, personal data. all: every query. none"`
	AuditReadQueue     int           `env:"AUDIT_READ_QUEUE" envDefault:"1000" desc:"Reads that may wait to be recorded; when there are more, readers wait and nothing is dropped"`
	AuditReadBatch     int           `env:"AUDIT_READ_BATCH" envDefault:"100" desc:"Reads recorded together at most"`
	AuditReadDelay     time.Duration `env:"AUDIT_READ_DELAY" envDefault:"1s" desc:"How long a read waits for others to be recorded with it; a killed server loses the reads of this time"`
	AuditRanges        int           `env:"AUDIT_RANGES" envDefault:"50" desc:"Values that one search of the trail may combine: users × actions × outcomes, or the paths of a prefix"`
	AuditFacetRows     int           `env:"AUDIT_FACET_ROWS" envDefault:"10000" desc:"Lines of the trail that auditFacets counts at most, the newest ones"`
	AuditFacetWindow   time.Duration `env:"AUDIT_FACET_WINDOW" envDefault:"720h" desc:"How far back auditFacets looks when no range is given"`

	// Jobs.
	Jobs             bool          `env:"JOBS" envDefault:"true" desc:"Carry out jobs on this server: scheduled ones, and those that were asked for. Without, others must"`
	JobWorkers       int           `env:"JOB_WORKERS" envDefault:"4" desc:"Jobs that may run at once on this server"`
	JobSchedules     string        `env:"JOB_SCHEDULES" desc:"Other schedules than the usual ones, as cron in Istanbul time, separated by semicolons: backup=0 2 * * *; rates=off"`
	JobRetentionDays int           `env:"JOB_RETENTION_DAYS" envDefault:"90" desc:"Age from which the runs of jobs are removed"`
	JobTick          time.Duration `env:"JOB_TICK" envDefault:"1s" desc:"How often schedules and the queue are looked at"`
	JobLost          time.Duration `env:"JOB_LOST" envDefault:"45s" desc:"A run whose server has been silent for so long is begun again by another; more than clocks may differ"`
	RatesAfternoon   bool          `env:"RATES_AFTERNOON" envDefault:"false" desc:"Fetch tomorrow's exchange rates as well, on weekdays at 16:05"`
	// Notifications.
	SMTPURL               Secret        `env:"SMTP_URL" desc:"Server that e-mails leave by: smtps://user:password@host:465, smtp://user:password@host:587 with STARTTLS, or smtp+plain://host:25 unencrypted; empty: no e-mails"`
	MailFrom              string        `env:"MAIL_FROM" envDefault:"Aliaport <no-reply@aliaport.example>" desc:"Sender of e-mails"`
	MailKinds             []string      `env:"MAIL_KINDS" desc:"Kinds of notifications that are sent by e-mail too, separated by commas: WORK_ORDER_APPROVED,TRIP_DELAYED; empty: all"`
	MailLanguage          string        `env:"MAIL_LANGUAGE" envDefault:"tr" desc:"Language of e-mails: tr or en"`
	PasswordResetPage     string        `env:"PASSWORD_RESET_PAGE" desc:"Page of the console to which e-mails about forgotten passwords lead: https://console.port.example/reset; empty: they carry the token alone"`
	RateResets            int           `env:"RATE_RESETS" envDefault:"5" desc:"Requests for a new password an hour from one address, and for one account, half of them at once; tokens may be tried twice as often; 0: no limit"`
	WebhookURL            Secret        `env:"WEBHOOK_URL" desc:"Address that notifications are posted to as JSON; empty: none"`
	WebhookSecret         Secret        `env:"WEBHOOK_SECRET" flag:"file" desc:"Key that signs these posts, at least 16 bytes"`
	DeliveryTimeout       time.Duration `env:"DELIVERY_TIMEOUT" envDefault:"10s" desc:"Time that the receiver of an e-mail or a post has for each step"`
	NotificationRetention int           `env:"NOTIFICATION_RETENTION_DAYS" envDefault:"90" desc:"Days after which notifications are removed, read or not"`

	// Backups.
	BackupDir       string `env:"BACKUP_DIR" envDefault:"data/backups" desc:"Folder of the backups; empty: none are taken by this server"`
	BackupSecondDir string `env:"BACKUP_SECOND_DIR" desc:"Folder for a copy of each backup, on another disk or machine; empty: none"`
	BackupWeeks     int    `env:"BACKUP_KEEP_WEEKS" envDefault:"12" desc:"Weeks of which a backup is kept; of how many days, the parameter BACKUP_KEEP_DAYS says"`
	BackupMonths    int    `env:"BACKUP_KEEP_MONTHS" envDefault:"12" desc:"Months of which a backup is kept"`
	PGBinDir        string `env:"PG_BIN_DIR" desc:"Folder of pg_dump and pg_restore, no older than the server; empty: the newest that is installed"`

	// Traces.
	OTELEndpoint string `env:"OTEL_ENDPOINT" desc:"OpenTelemetry collector that traces are sent to, OTLP over HTTP: http://127.0.0.1:4318; empty: none"`
	OTELPercent  int    `env:"OTEL_PERCENT" envDefault:"10" desc:"How many of a hundred requests are traced"`

	// Running.
	LogLevel    slog.Level `env:"LOG_LEVEL" envDefault:"INFO" desc:"DEBUG, INFO, WARN or ERROR"`
	LogFormat   string     `env:"LOG_FORMAT" envDefault:"json" desc:"json or text"`
	LogFile     string     `env:"LOG_FILE" desc:"File that a server logs to; a new one is begun every midnight UTC, the old ones stay beside it, compressed. Each server needs its own. Empty: standard error"`
	LogFileMB   int        `env:"LOG_FILE_MB" envDefault:"10" desc:"Megabytes after which a new log file is begun earlier"`
	LogFileKeep int        `env:"LOG_FILE_KEEP" envDefault:"60" desc:"Old log files that are kept at most; 0: all that are young enough"`
	LogFileDays int        `env:"LOG_FILE_DAYS" envDefault:"30" desc:"Days after which old log files are removed; 0: never"`
	Demo        bool       `env:"DEMO" envDefault:"false" desc:"Fill an empty database with demo data and print a link that signs in"`
}

// Secret is a value that no print, log or JSON shows.
type Secret string

const hidden = "***"

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return hidden }

// MarshalJSON hides the secret.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText hides the secret from other encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format hides the secret from every verb, %x and %d too.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

// IsSQLite tells whether the data is in a file of our own.
func (c *Config) IsSQLite() bool { return strings.HasPrefix(c.DatabaseURL.Reveal(), "sqlite://") }

// SQLitePath is the path of the SQLite file, or empty.
func (c *Config) SQLitePath() string {
	path, _ := strings.CutPrefix(c.DatabaseURL.Reveal(), "sqlite://")
	if !c.IsSQLite() {
		return ""
	}
	return path
}

// Database names the database for logs and messages, without its password.
func (c *Config) Database() string {
	if c.IsSQLite() {
		return c.DatabaseURL.Reveal()
	}
	return withoutPassword(c.DatabaseURL)
}

// Redis names the Redis server for logs and messages, without its password.
func (c *Config) Redis() string { return withoutPassword(c.RedisURL) }

// withoutPassword drops the user too: Redis URLs are often written with the
// password in its place. Of the parameters only those known to be harmless stay.
func withoutPassword(s Secret) string {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Opaque != "" {
		return hidden
	}
	harmless := url.Values{}
	for name, values := range u.Query() {
		if slices.Contains([]string{"sslmode", "search_path", "application_name", "connect_timeout", "statement_timeout"}, name) {
			harmless[name] = values
		}
	}
	u.User, u.RawQuery, u.Fragment = nil, harmless.Encode(), ""
	return u.String()
}
