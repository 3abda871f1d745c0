package config_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"aliaport/internal/config"
)

func TestDefaultsAreGoodForALaptop(t *testing.T) {
	t.Parallel()
	c, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	if err := c.ServingFaults().OrNil(); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range config.Settings() {
		got[s.Variable] = s.Default
	}
	// Promised elsewhere: changing one of these is news for those who run the server.
	for name, want := range map[string]string{
		"DATABASE_URL": "sqlite://data/aliaport.db", "REDIS_URL": "", "LISTEN": "127.0.0.1:8080", "ADMIN_LISTEN": "127.0.0.1:8081",
		"DB_MAX_OPEN": "30", "DB_MAX_IDLE": "10", "DB_MAX_LIFETIME": "30m", "STATEMENT_TIMEOUT": "30s", "SQLITE_SYNCHRONOUS": "FULL",
		"ADMIN_EMAIL": "admin@aliaport.example", "ACCESS_TOKEN_LIFETIME": "15m", "ALLOW_SELF_APPROVAL": "false", "IDEMPOTENCY_TTL": "24h",
		"PAGE_SIZE_DEFAULT": "50", "PAGE_SIZE_MAX": "100", "MAX_BODY_BYTES": "262144", "DEMO": "false", "MIGRATE": "false",
	} {
		if d, ok := got[config.Prefix+name]; !ok || d != want {
			t.Errorf("%s is %q by default, want %q", name, d, want)
		}
	}
	if c.RequestTimeout != 30*time.Second || c.LogLevel != slog.LevelInfo || !c.PlaygroundEnabled || c.DBMaxOpen != 30 {
		t.Errorf("read as %+v", c)
	}
}

func TestEachFaultNamesItsVariable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ set, variable string }{
		"a database URL without a scheme":            {"DATABASE_URL=data/a.db", "DATABASE_URL"},
		"a database of another make":                 {"DATABASE_URL=mysql://host/db", "DATABASE_URL"},
		"an SQLite URL with parameters":              {"DATABASE_URL=sqlite://a.db?mode=ro", "DATABASE_URL"},
		"an SQLite database in memory":               {"DATABASE_URL=sqlite://:memory:", "DATABASE_URL"},
		"a malformed PostgreSQL URL":                 {"DATABASE_URL=postgres://u:p%zz@host/db", "DATABASE_URL"},
		"a Redis URL of another scheme":              {"REDIS_URL=http://host:6379", "REDIS_URL"},
		"a Redis URL without a host":                 {"REDIS_URL=redis://", "REDIS_URL"},
		"an address without a port":                  {"LISTEN=localhost", "LISTEN"},
		"a port that does not exist":                 {"LISTEN=:65536", "LISTEN"},
		"an admin listener for all":                  {"ADMIN_LISTEN=:8081", "ADMIN_LISTEN"},
		"an admin listener on another machine's net": {"ADMIN_LISTEN=10.0.0.1:8081", "ADMIN_LISTEN"},
		"both listeners on one address":              {"ADMIN_LISTEN=127.0.0.1:8080", "ADMIN_LISTEN"},
		"an e-mail without a domain":                 {"ADMIN_EMAIL=admin", "ADMIN_EMAIL"},
		"an e-mail with a name":                      {"ADMIN_EMAIL=Admin <a@b.example>", "ADMIN_EMAIL"},
		"a password that is too short":               {"ADMIN_PASSWORD=gizli", "ADMIN_PASSWORD"},
		"a key that is too short":                    {"JWT_KEY=" + strings.Repeat("k", 31), "JWT_KEY"},
		"an unknown way to write":                    {"SQLITE_SYNCHRONOUS=OFF", "SQLITE_SYNCHRONOUS"},
		"an unknown log level":                       {"LOG_LEVEL=LOUD", "LOG_LEVEL"},
		"an unknown log format":                      {"LOG_FORMAT=xml", "LOG_FORMAT"},
		"a number that is none":                      {"DB_MAX_OPEN=many", "DB_MAX_OPEN"},
		"no connection at all":                       {"DB_MAX_OPEN=0\nDB_MAX_IDLE=0", "DB_MAX_OPEN"},
		"more idle than open connections":            {"DB_MAX_OPEN=5", "DB_MAX_IDLE"},
		"a switch that is none":                      {"DEMO=maybe", "DEMO"},
		"a duration without a unit":                  {"REQUEST_TIMEOUT=30", "REQUEST_TIMEOUT"},
		"a negative duration":                        {"SHUTDOWN_TIMEOUT=-1s", "SHUTDOWN_TIMEOUT"},
		"a duration of zero":                         {"ACCESS_TOKEN_LIFETIME=0s", "ACCESS_TOKEN_LIFETIME"},
		"operations that outlive their answer":       {"WRITE_TIMEOUT=10s", "REQUEST_TIMEOUT"},
		"a default page beyond the largest":          {"PAGE_SIZE_DEFAULT=101", "PAGE_SIZE_DEFAULT"},
		"a body of no size":                          {"MAX_BODY_BYTES=0", "MAX_BODY_BYTES"},
		"a secret in a file that is not there":       {"JWT_KEY_FILE=/nonexistent", "JWT_KEY_FILE"},
		"a secret in an empty file":                  {"JWT_KEY_FILE=/dev/null", "JWT_KEY_FILE"},
		"a secret given twice":                       {"JWT_KEY=" + strings.Repeat("k", 32) + "\nJWT_KEY_FILE=/dev/null", "JWT_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := config.Load(environ(tt.set), nil)
			if len(faults) != 1 || faults[0].Name != "ALIAPORT_"+tt.variable {
				t.Fatalf("faults %v, want one of ALIAPORT_%s", faults, tt.variable)
			}
			if faults[0].Remedy == "" || faults[0].Problem == "" {
				t.Errorf("%+v lacks words", faults[0])
			}
		})
	}
}

func TestWhatIsUnusualIsStillAccepted(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]string{
		"an absolute path of SQLite":                "DATABASE_URL=sqlite:///var/lib/aliaport.db",
		"the long scheme of PostgreSQL":             "DATABASE_URL=postgresql://u:p@db.example:5432/aliaport?sslmode=require",
		"Redis over TLS":                            "REDIS_URL=rediss://:secret@redis.example:6380/1",
		"all interfaces for the API":                "LISTEN=:8080",
		"IPv6 loopback":                             "ADMIN_LISTEN=[::1]:8081",
		"localhost by its name":                     "ADMIN_LISTEN=localhost:8081",
		"an admin listener for all, meant that way": "ADMIN_LISTEN=:8081\nADMIN_LISTEN_PUBLIC=true",
		"ports chosen by the system":                "LISTEN=127.0.0.1:0\nADMIN_LISTEN=127.0.0.1:0",
		"statements without a limit":                "STATEMENT_TIMEOUT=0",
		"levels in lower case":                      "LOG_LEVEL=debug",
		"an empty value, which is the default":      "LISTEN=",
		"NORMAL in lower case":                      "SQLITE_SYNCHRONOUS=normal",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, faults := config.Load(environ(set), nil); faults != nil {
				t.Error(faults)
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, faults := config.Load(environ("LISTEN=x\nDEMO=maybe\nDB_MAX_OPEN=many\nPAGE_SIZE_MAX=-1\nADMIN_PASSWORD_FILE=/nonexistent"), nil)
	text := faults.Error()
	for _, name := range []string{"LISTEN", "DEMO", "DB_MAX_OPEN", "PAGE_SIZE_MAX", "ADMIN_PASSWORD_FILE"} {
		if !strings.Contains(text, "ALIAPORT_"+name+" ") {
			t.Errorf("%s is not told in\n%s", name, text)
		}
	}
}

func TestFaultsDoNotTellSecrets(t *testing.T) {
	t.Parallel()
	_, faults := config.Load(environ("DATABASE_URL=postgres://u:hunter22%zz@host/db\nJWT_KEY=hunter22\nREDIS_URL=x://:hunter22@h\nADMIN_PASSWORD=hunter22hunter22\nADMIN_PASSWORD_FILE=x"), nil)
	if len(faults) != 4 {
		t.Errorf("%d faults, want 4", len(faults))
	}
	if text := faults.Error(); strings.Contains(text, "hunter22") {
		t.Error(text)
	}
}

func TestFlagsGoBeforeVariables(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 40)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse([]string{"--listen", ":9000", "--demo", "--database-url=sqlite://x.db", "--jwt-key-file", key}); err != nil {
		t.Fatal(err)
	}
	c, faults := config.Load(environ("LISTEN=:1\nPAGE_SIZE_MAX=70\nDATABASE_URL_FILE=/nonexistent\nJWT_KEY=short"), config.Given(flags))
	if faults != nil {
		t.Fatal(faults)
	}
	if c.Listen != ":9000" || !c.Demo || c.PageSizeMax != 70 || c.SQLitePath() != "x.db" || len(c.JWTKey) != 40 {
		t.Errorf("%+v with a key of %d bytes", c, len(c.JWTKey))
	}
}

func TestSecretsHaveNoFlagForTheirValue(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(flags)
	for _, name := range []string{"jwt-key", "admin-password"} {
		if flags.Lookup(name) != nil {
			t.Errorf("--%s shows the secret to every user of the machine", name)
		}
		if flags.Lookup(name+"-file") == nil {
			t.Errorf("--%s-file is missing", name)
		}
	}
}

func TestSecretsCannotBePrinted(t *testing.T) {
	t.Parallel()
	const secret = "hunter22hunter22hunter22hunter22hunter22"
	c, faults := config.Load(environ("DATABASE_URL=postgres://aliaport:"+secret+"@db.example/aliaport?sslmode=require&sslpassword="+secret+
		"\nREDIS_URL=redis://"+secret+"@redis.example:6379\nADMIN_PASSWORD="+secret+"\nJWT_KEY="+secret), nil)
	if faults != nil {
		t.Fatal(faults)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "config", c, "key", c.JWTKey)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("settings", "config", c, "key", c.JWTKey)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{
		"%v": fmt.Sprintf("%v", *c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c), "%s": fmt.Sprintf("%s", c.JWTKey), "%x": fmt.Sprintf("%x", c.JWTKey), "%q": fmt.Sprintf("%q", c.JWTKey),
		"Sprint": fmt.Sprint(c.JWTKey), "json": string(asJSON), "slog": log.String(), "database": c.Database(), "redis": c.Redis(),
	} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s shows it: %s", form, text)
		}
	}
	if want := "postgres://db.example/aliaport?sslmode=require"; c.Database() != want {
		t.Errorf("database %s, want %s", c.Database(), want)
	}
}

func TestSigningKey(t *testing.T) {
	t.Parallel()
	at := func(t *testing.T) (*config.Config, string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "data", "port.db")
		c, faults := config.Load([]string{"ALIAPORT_DATABASE_URL=sqlite://" + path}, nil)
		if faults != nil {
			t.Fatal(faults)
		}
		return c, path + ".jwt-key"
	}
	t.Run("is made once for starters that come at the same time, readable by nobody else", func(t *testing.T) {
		t.Parallel()
		c, path := at(t)
		keys := make([]config.Secret, 8)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				mine := *c
				if err := mine.EnsureJWTKey(); err != nil {
					t.Error(err)
				}
				keys[i] = mine.JWTKey
			})
		}
		all.Wait()
		for _, k := range keys {
			if k != keys[0] || len(k) < config.MinJWTKey {
				t.Fatalf("keys of %d and %d bytes differ or are short", len(k), len(keys[0]))
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, want 0600", info.Mode())
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".jwt-key-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("is not made when one is set", func(t *testing.T) {
		t.Parallel()
		c, path := at(t)
		c.JWTKey = config.Secret(strings.Repeat("k", 32))
		if err := c.EnsureJWTKey(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v, want it missing", path, err)
		}
	})
	for name, tt := range map[string]struct {
		text string
		mode fs.FileMode
		want string
	}{
		"is refused when others can read it": {strings.Repeat("k", 64), 0o644, "chmod 600"},
		"is refused when it is cut short":    {"k", 0o600, "delete it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, path := at(t)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := c.EnsureJWTKey(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	t.Run("must be set on PostgreSQL to serve", func(t *testing.T) {
		t.Parallel()
		c, faults := config.Load(environ("DATABASE_URL=postgres://db.example/aliaport"), nil)
		if faults != nil {
			t.Fatal(faults)
		}
		if fs := c.ServingFaults(); len(fs) != 1 || fs[0].Name != "ALIAPORT_JWT_KEY" {
			t.Errorf("faults %v", fs)
		}
	})
}

func TestMisspeltVariablesAreNamed(t *testing.T) {
	t.Parallel()
	got := config.Unknown(environ("DATABSE_URL=x\nLISTEN=:1\nJWT_KEY_FILE=x\nSERVICE_HOST=10.0.0.1\nPORT=tcp://10.0.0.1:80\nPORT_80_TCP=x\nTEST_POSTGRES_URL=x"))
	if !reflect.DeepEqual(got, []string{"ALIAPORT_DATABSE_URL"}) {
		t.Errorf("got %v", got)
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	for _, s := range config.Settings() {
		if s.Description == "" || s.Variable == config.Prefix {
			t.Errorf("%s lacks its name or description", s.Field)
		}
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := config.InsertTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if want != string(text) {
		t.Error("the table in README.md is out of date: run make generate")
	}
}

// environ has a variable a line, without the prefix.
func environ(lines string) []string {
	var env []string
	for line := range strings.Lines(lines) {
		env = append(env, config.Prefix+strings.TrimSuffix(line, "\n"))
	}
	return env
}
