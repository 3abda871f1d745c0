package config

import (
	"cmp"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// MinJWTKey is the least length of the key in bytes, that of the hash it is used with.
const MinJWTKey = 32

// check returns what is wrong with values that could be read.
func (c *Config) check() Faults {
	var fs Faults
	bad := func(field, problem, remedy string) {
		fs = append(fs, Fault{variable(field), problem, remedy})
	}
	if problem := databaseURLProblem(c.DatabaseURL.Reveal()); problem != "" {
		bad("DatabaseURL", problem, "give sqlite://folder/file.db or postgres://user:password@host:5432/name")
	}
	if problem := redisURLProblem(c.RedisURL.Reveal()); problem != "" {
		bad("RedisURL", problem, "give redis://host:6379/0, or rediss:// for TLS")
	}
	c.checkListeners(bad)
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("TLSCert", "comes without its other half", "give both ALIAPORT_TLS_CERT and ALIAPORT_TLS_KEY, or neither")
	}
	for _, origin := range c.CORSOrigins {
		if u, err := url.Parse(origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || strings.Contains(origin, "*") {
			bad("CORSOrigins", fmt.Sprintf("names %q, which is no origin", origin), "give origins such as https://console.port.example, without a path")
		}
	}
	for _, network := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(network); err != nil {
			bad("TrustedProxies", fmt.Sprintf("names %q, which is no network", network), "give networks such as 10.0.0.0/8 or 192.0.2.7/32")
		}
	}
	if c.RateCost > 0 && c.RateCost < c.LimitNodes {
		bad("RateCost", "is less than one document may cost", "give at least "+variable("LimitNodes")+", or 0 for no limit")
	}
	if u, err := url.Parse(c.RateSourceURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		bad("RateSourceURL", "is no address of a folder", "give one such as https://www.tcmb.gov.tr/kurlar")
	}
	if u, err := url.Parse(c.OTELEndpoint); c.OTELEndpoint != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil) {
		bad("OTELEndpoint", "is no address of a collector", "give one such as http://127.0.0.1:4318, without a password")
	}
	const all = 100
	if c.OTELPercent < 0 || c.OTELPercent > all {
		bad("OTELPercent", "is no share of a hundred", "give 0 to 100")
	}
	if a, err := mail.ParseAddress(c.AdminEmail); err != nil || a.Address != c.AdminEmail {
		bad("AdminEmail", "is no e-mail address", "give one such as admin@port.example")
	}
	if n := len([]rune(c.AdminPassword)); n > 0 && (n < 8 || n > 100) {
		bad("AdminPassword", fmt.Sprintf("has %d characters", n), "give 8 to 100, or none to have one generated")
	}
	if n := len(c.JWTKey); n > 0 && n < MinJWTKey {
		bad("JWTKey", fmt.Sprintf("has %d bytes", n), fmt.Sprintf("give at least %d, as from: openssl rand -hex 32", MinJWTKey))
	}
	c.checkNotifications(bad)
	if c.AuditArchiveDir == "" {
		bad("AuditArchiveDir", "is empty", "give a folder such as data/audit")
	}
	if c.SQLiteSynchronous = strings.ToUpper(c.SQLiteSynchronous); c.SQLiteSynchronous != "FULL" && c.SQLiteSynchronous != "NORMAL" {
		bad("SQLiteSynchronous", "is unknown", "give FULL or NORMAL")
	}
	if !slices.Contains([]string{"sensitive", "all", "none"}, c.AuditReads) {
		bad("AuditReads", "is unknown", "give sensitive, all or none")
	}
	if !slices.Contains([]string{"auto", "memory", "redis", "off"}, c.Cache) {
		bad("Cache", "is unknown", "give auto, memory, redis or off")
	}
	if c.Cache == "redis" && c.RedisURL == "" {
		bad("Cache", "is redis, and there is none", "give "+variable("RedisURL")+", or memory here")
	}
	if c.LogFormat != "json" && c.LogFormat != "text" {
		bad("LogFormat", "is unknown", "give json or text")
	}
	least(bad, 1, map[string]int{"LogFileMB": c.LogFileMB})
	least(bad, 0, map[string]int{"LogFileKeep": c.LogFileKeep, "LogFileDays": c.LogFileDays})
	if _, err := c.JobSchedulesByName(); err != nil {
		bad("JobSchedules", err.Error(), "give name=cron, separated by semicolons: backup=0 2 * * *; rates=off")
	}
	c.checkRanges(bad)
	return fs
}

func (c *Config) checkNotifications(bad report) {
	if u, err := url.Parse(c.SMTPURL.Reveal()); c.SMTPURL != "" && (err != nil || u.Hostname() == "" || !slices.Contains([]string{"smtp", "smtps", "smtp+plain"}, u.Scheme)) {
		bad("SMTPURL", "is no address of a mail server", "give smtps://user:password@host:465, smtp://user:password@host:587 or smtp+plain://host:25")
	}
	if _, err := mail.ParseAddress(c.MailFrom); err != nil {
		bad("MailFrom", "is no sender", "give one such as Aliaport <no-reply@port.example>")
	}
	if c.MailLanguage != "tr" && c.MailLanguage != "en" {
		bad("MailLanguage", "is unknown", "give tr or en")
	}
	if u, err := url.Parse(c.PasswordResetPage); c.PasswordResetPage != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "") {
		bad("PasswordResetPage", "is no address of a page", "give one such as https://console.port.example/reset")
	}
	if u, err := url.Parse(c.WebhookURL.Reveal()); c.WebhookURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		bad("WebhookURL", "is no address", "give one such as https://hooks.port.example/aliaport")
	}
	const leastSecret = 16
	if c.WebhookURL != "" && len(c.WebhookSecret) < leastSecret {
		bad("WebhookSecret", fmt.Sprintf("has %d bytes", len(c.WebhookSecret)), fmt.Sprintf("give at least %d, as from: openssl rand -hex 32", leastSecret))
	}
	least(bad, 1, map[string]int{"NotificationRetention": c.NotificationRetention})
	least(bad, 0, map[string]int{"BackupWeeks": c.BackupWeeks, "BackupMonths": c.BackupMonths})
	least(bad, 0, map[string]int{"RateResets": c.RateResets})
}

type report func(field, problem, remedy string)

func (c *Config) checkListeners(bad report) {
	good := true
	for field, address := range map[string]string{"Listen": c.Listen, "AdminListen": c.AdminListen} {
		if !isAddress(address) {
			good = false
			bad(field, "is no address", "give host:port such as 127.0.0.1:8080, or :8080 for all interfaces")
		}
	}
	if !good {
		return
	}
	if !c.AdminListenPublic && !isLoopback(c.AdminListen) {
		bad("AdminListen", "can be reached from other machines", "give 127.0.0.1:port, or set "+variable("AdminListenPublic")+"=true behind a firewall")
	}
	if _, port, _ := net.SplitHostPort(c.Listen); c.Listen == c.AdminListen && port != "0" {
		bad("AdminListen", "is the same as "+variable("Listen"), "give another port")
	}
}

func (c *Config) checkRanges(bad report) {
	least(bad, 1, map[string]int{
		"DBMaxOpen": c.DBMaxOpen, "PageSizeDefault": c.PageSizeDefault, "LoaderBatch": c.LoaderBatch, "GCPercent": c.GCPercent, "PageSizeMax": c.PageSizeMax,
		"AuditReadQueue": c.AuditReadQueue, "AuditReadBatch": c.AuditReadBatch, "AuditRanges": c.AuditRanges, "AuditFacetRows": c.AuditFacetRows,
	})
	least(bad, 1, map[string]int{"JobWorkers": c.JobWorkers, "JobRetentionDays": c.JobRetentionDays})
	least(bad, 1, map[string]int{"AuditRetentionDays": c.AuditRetentionDays, "AuditExports": c.AuditExports})
	least(bad, 0, map[string]int{"RateOperations": c.RateOperations, "RateCost": c.RateCost, "RateLogins": c.RateLogins})
	least(bad, 0, map[string]int{"DBMaxIdle": c.DBMaxIdle, "StatementCache": c.StatementCache, "SQLiteReaders": c.SQLiteReaders})
	least(bad, 1024, map[string]int64{"MaxBodyBytes": c.MaxBodyBytes, "RateSourceMaxBytes": c.RateSourceMaxBytes, "CacheBytes": c.CacheBytes, "MemoryTarget": c.MemoryTarget})
	if c.DBMaxOpen > 0 && c.DBMaxIdle > c.DBMaxOpen {
		bad("DBMaxIdle", "is greater than "+variable("DBMaxOpen"), "keep at most as many connections as may be open")
	}
	if c.PageSizeMax > 0 && c.PageSizeDefault > c.PageSizeMax {
		bad("PageSizeDefault", "is greater than "+variable("PageSizeMax"), "give at most the largest page size")
	}
	for _, s := range Settings() {
		if s.Kind == Duration {
			c.checkDuration(bad, s.Field)
		}
	}
	if c.RequestTimeout > 0 && c.WriteTimeout > 0 && c.RequestTimeout >= c.WriteTimeout {
		bad("RequestTimeout", "is not below "+variable("WriteTimeout"), "answers would be cut off: lower it, or raise the other")
	}
}

// JobSchedulesByName are the schedules that replace the usual ones. Whether they are
// cron, and the jobs there, package job tells.
func (c *Config) JobSchedulesByName() (map[string]string, error) {
	byName := map[string]string{}
	for part := range strings.SplitSeq(c.JobSchedules, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, schedule, ok := strings.Cut(part, "=")
		name, schedule = strings.TrimSpace(name), strings.TrimSpace(schedule)
		if !ok || name == "" || schedule == "" {
			return nil, fmt.Errorf("has %q, which is not name=schedule", part)
		}
		byName[name] = schedule
	}
	return byName, nil
}

func databaseURLProblem(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	switch {
	case !ok:
		return "has no scheme"
	case scheme == "sqlite" && (rest == "" || strings.ContainsAny(rest, "?#") || strings.HasPrefix(rest, ":")):
		return "names no plain file"
	case scheme == "sqlite":
		return ""
	case scheme != "postgres" && scheme != "postgresql":
		return "has the scheme " + strconv.Quote(scheme)
	}
	// The error would quote the URL, and with it the password.
	if _, err := url.Parse(text); err != nil {
		return "is malformed (are special characters of the password percent-encoded?)"
	}
	return ""
}

func redisURLProblem(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "is malformed (are special characters of the password percent-encoded?)"
	case !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme):
		return "is no Redis URL"
	case u.Scheme != "unix" && u.Host == "":
		return "names no host"
	}
	return ""
}

func isAddress(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

func least[N cmp.Ordered](bad report, limit N, values map[string]N) {
	for field, v := range values {
		if v < limit {
			bad(field, "is too small", fmt.Sprintf("give at least %v", limit))
		}
	}
}

// mayBeZero are the durations for which zero means never or at once.
var mayBeZero = []string{"StatementTimeout", "SlowStatement", "LoaderWait", "ShutdownDelay"}

func (c *Config) checkDuration(bad report, field string) {
	d := reflect.ValueOf(*c).FieldByName(field).Int()
	switch zero := slices.Contains(mayBeZero, field); {
	case d < 0:
		bad(field, "is negative", "give a duration such as 30s")
	case d == 0 && !zero:
		bad(field, "is zero", "give a duration such as 30s")
	}
}
