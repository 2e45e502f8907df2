package outside

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A door is a way in which a command reaches an installation.
type door struct {
	name      string
	env, args []string
}

// doors are both: the database directly, and the API.
func doors(s *harness.Server) []door {
	return []door{
		// A command on the database is told the base URL as the server is.
		{"database", nil, []string{"--database", s.Database, "--secret-key-file", s.KeyFile, "--base-url", s.Base}},
		{"API", nil, []string{"--server", s.Base, "--token", s.Token}},
	}
}

// variables are the same doors, named by variables.
func variables(s *harness.Server) []door {
	return []door{
		{"database", []string{"SALLYPORT_DATABASE=" + s.Database, "SALLYPORT_SECRET_KEY_FILE=" + s.KeyFile, "SALLYPORT_BASE_URL=" + s.Base}, nil},
		{"API", []string{"SALLYPORT_SERVER=" + s.Base + "/", "SALLYPORT_TOKEN=" + s.Token}, nil},
	}
}

// run runs a command through a door.
func (d door) run(t *testing.T, stdin string, args ...string) (out, stderr string, code int) {
	t.Helper()
	return harness.RunWith(t, d.env, stdin, append(args, d.args...)...)
}

// object runs a command with --json, which has to succeed.
func (d door) object(t *testing.T, args ...string) harness.Object {
	t.Helper()
	return d.with(t, "", args...)
}

func (d door) with(t *testing.T, stdin string, args ...string) harness.Object {
	t.Helper()
	out, stderr, code := d.run(t, stdin, append(args, "--json")...)
	if code != 0 || stderr != "" {
		t.Fatalf("%s: %v: exit %d: %s", d.name, args, code, stderr)
	}
	var o harness.Object
	if out == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		t.Fatalf("%s: %v printed %q", d.name, args, out)
	}
	return o
}

var madeUp = regexp.MustCompile(`(org|dom|usr|inv|acc|sso|tok|ses|evt|att|tst)_[0-9a-v]{26}|\d{4}-\d\d-\d\dT[0-9:.]+Z|slp_[A-Za-z0-9_-]+|sallyport-verification=[A-Za-z0-9_-]+|door\d(-\d+)?`)

// shape is an answer without what is made up anew each time.
func shape(o harness.Object) string { return madeUp.ReplaceAllString(sprint(o), "…") }

func TestEveryCommandDoesTheSameThroughEveryDoor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		dir := t.TempDir()
		metadata := filepath.Join(dir, "metadata.xml")
		if err := os.WriteFile(metadata, samltest.NewIdP().Metadata(), 0o600); err != nil {
			t.Fatal(err)
		}
		want := make(map[int]string)
		for i, d := range doors(s) {
			step := 0
			// do runs the next command and compares it with what the first door did.
			do := func(stdin string, args ...string) harness.Object {
				t.Helper()
				o := d.with(t, stdin, args...)
				if step++; i == 0 {
					want[step] = shape(o)
				} else if got := shape(o); got != want[step] {
					t.Errorf("%s: %v gives\n%s\nand not\n%s", d.name, args, got, want[step])
				}
				return o
			}
			name := fmt.Sprintf("door%d", i)
			domain := fmt.Sprintf("%s-%d.test", name, time.Now().UnixNano())
			org := harness.ID(do("", "org", "create", name, "--edition", "administration"))
			do("", "org", "show", org)
			do("", "org", "update", org, "--session-idle-minutes", "30", "--initial-password-required=false")
			dom := harness.ID(do("", "domain", "add", org, domain))
			do("", "domain", "verify", dom, "--operator")
			do("", "domain", "list", org)
			user := harness.ID(do(harness.Password+"\n", "user", "add", org, "user@"+domain, "--name", "A user", "--role", "owner", "--password-file", "-"))
			do("", "user", "add", org, "invited@"+domain)
			do("", "user", "list", org, "--q", "user", "--status", "active", "--limit", "5")
			do("", "user", "show", user)
			do("", "user", "sessions", user)
			do("", "user", "update", user, "--name", "Another name")
			independent := harness.ID(do("", "user", "add", "independent@outside-"+domain))
			account := harness.ID(do("", "account", "create", org, "Account"))
			do("", "account", "set-member", account, user, "viewer,developer")
			do("", "account", "members", account)
			do("", "account", "update", account, "--archived")
			profile := harness.ID(do("", "sso", "create", org, "Profile", "--idp", "okta", "--metadata-file", metadata, "--idp-initiated", "accept"))
			do("", "sso", "update", profile, "--allow-sha1", "--clock-tolerance-seconds", "60")
			do("", "sso", "test", profile, "--operator")
			do("", "domain", "preview", dom, "--profile", profile)
			do("", "domain", "enforce", dom, "--profile", profile, "--acknowledge")
			do("", "sso", "list", org)
			do("", "explain", "user@"+domain)
			do("", "user", "update", user, "--sso", "disabled")
			do("", "domain", "release", dom)
			token := do("", "token", "create", "--org", org, "--scope", "read", "--expires", "7d", "--name", "For "+name)
			do("", "token", "list", "--org", org)
			do("", "token", "delete", harness.ID(token))
			do("", "account", "remove-member", account, user)
			do("", "user", "end-sessions", user)
			do("", "user", "remove", independent)
			do("", "sso", "delete", profile)
			do("", "domain", "delete", dom)
			// And leaves the same events behind.
			var events []string
			for _, e := range harness.Items(s.OK(t, "GET", "/organizations/"+org+"/audit?limit=200", nil)) {
				events = append(events, fmt.Sprint(e["action"], " ", harness.At(e, "target", "kind")))
			}
			slices.Sort(events) // those of one millisecond have no order
			if step++; i == 0 {
				want[step] = strings.Join(events, "\n")
			} else if got := strings.Join(events, "\n"); got != want[step] {
				t.Errorf("%s leaves the events\n%s\nand not\n%s", d.name, got, want[step])
			}
		}
	})
}

func TestADoorIsNamedByFlagOrByVariableAndTheFlagWins(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		want := doors(s)[0].object(t, "org", "show", org.ID)
		for _, d := range append(doors(s), variables(s)...) {
			if got := d.object(t, "org", "show", org.ID); sprint(got) != sprint(want) {
				t.Errorf("%s, %v: %v, not %v", d.name, d.env, got, want)
			}
		}
		for _, d := range doors(s) {
			d.env = []string{"SALLYPORT_DATABASE=sqlite:/nothing/here.db", "SALLYPORT_TOKEN=slp_nobody"}
			if d.name == "API" {
				d.env[1] = "SALLYPORT_SERVER=http://127.0.0.1:1"
			}
			if got := d.object(t, "org", "show", org.ID); sprint(got) != sprint(want) {
				t.Errorf("%s: %v, not %v", d.name, got, want)
			}
		}
	})
}

func TestExitCodesTellDoneFromFailedFromMisused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		for _, d := range doors(s) {
			for _, c := range []struct {
				code   int
				starts string // of the line on stderr, behind the program's name
				args   []string
			}{
				{0, "", []string{"org", "show", p.Organization.ID}},
				{1, "not_found", []string{"org", "show", nothing["ORG"]}},
				{1, "not_found", []string{"user", "show", "../organizations"}},
				{1, "invalid: name ", []string{"org", "create", " "}},
				{1, "invalid: edition ", []string{"org", "create", "x", "--edition", "platinum"}},
				{1, "sso_profile_in_use: ", []string{"sso", "delete", p.ID}},
				{1, "domain_in_use: ", []string{"domain", "delete", p.DomainID}},
				{1, "conflict: ", []string{"domain", "add", p.Organization.ID, p.Domain}},
				{1, "metadata_invalid: ", []string{"sso", "create", p.Organization.ID, "x", "--metadata-file", os.DevNull}},
				{2, "", []string{"org"}},
				{2, "", []string{"org", "show"}},
				{2, "", []string{"org", "show", "a", "b"}},
				{2, "", []string{"org", "explode"}},
				{2, "", []string{"org", "show", p.Organization.ID, "--no-such-flag"}},
				{2, "", []string{"org", "list", "--limit", "many"}},
				{2, "", []string{"domain", "enforce", p.DomainID}},
				{2, "", []string{"token", "create"}},
			} {
				out, stderr, code := d.run(t, "", c.args...)
				text, ok := strings.CutPrefix(stderr, "sallyport: ")
				if code != c.code || c.code != 0 && (!ok || !strings.HasPrefix(text, c.starts) || strings.Count(stderr, "\n") != 1 || out != "") || c.code == 0 && stderr != "" {
					t.Errorf("%s: %v: exit %d, %q, %q; want exit %d, %q", d.name, c.args, code, out, stderr, c.code, c.starts)
				}
			}
		}
		// The enforcement was not released by forgetting the profile.
		if d := s.OK(t, "GET", "/domains/"+p.DomainID, nil); d["sso_profile_id"] != p.ID {
			t.Errorf("the domain is %v", d)
		}
	})
}

func TestACommandSaysHowItReachesAnInstallation(t *testing.T) {
	t.Parallel()
	s := servers["sqlite"]()
	for _, args := range [][]string{{"org", "list"}, {"org", "list", "--server", s.Base}, {"nonsense"}, {}, {"--nonsense"}, {"serve", "now"}} {
		if out, stderr, code := harness.Run(t, "", args...); code != 2 || out != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d, %q, %q", args, code, out, stderr)
		}
	}
	for name, c := range map[string]struct {
		args   []string
		starts string
	}{
		"nobody there":   {[]string{"--server", "http://127.0.0.1:1", "--token", s.Token}, "overloaded: "},
		"not ours":       {[]string{"--server", s.Admin, "--token", s.Token}, "internal: "},
		"a wrong token":  {[]string{"--server", s.Base, "--token", "slp_x"}, "unauthenticated: "},
		"no such file":   {[]string{"--database", "sqlite:/nothing/here.db"}, "--secret-key-file: "},
		"no such engine": {[]string{"--database", "oracle:x"}, "--database: "},
	} {
		out, stderr, code := harness.Run(t, "", append([]string{"org", "list"}, c.args...)...)
		if code != 1 || out != "" || !strings.HasPrefix(stderr, "sallyport: "+c.starts) || strings.Contains(stderr, s.Token) {
			t.Errorf("%s: exit %d, %q, %q", name, code, out, stderr)
		}
	}
	for _, args := range [][]string{{"--help"}, {"org", "--help"}, {"org", "create", "--help"}, {"serve", "--help"}, {"help"}, {"version"}} {
		if out, stderr, code := harness.Run(t, "", args...); code != 0 || out == "" || stderr != "" {
			t.Errorf("%v: exit %d, %q", args, code, stderr)
		}
	}
}

func TestCommandsPrintTablesForPeople(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"name": "Test “the” User"})
		p.AddUser(t, p.Address("another"))
		for _, d := range doors(s) {
			out, _, code := d.run(t, "", "user", "list", p.Organization.ID)
			head, rest, _ := strings.Cut(out, "\n")
			if code != 0 || !slices.Equal(strings.Fields(head), []string{"ID", "EMAIL", "NAME", "ROLE", "STATUS", "SSO", "SETTING", "SIGN_IN", "METHOD", "SIGN_IN", "REASON"}) ||
				!strings.Contains(rest, id) || !strings.Contains(rest, user) || !strings.Contains(rest, "domain_enforced") || strings.Count(rest, "\n") != 2 {
				t.Errorf("%s: exit %d\n%s", d.name, code, out)
			}
			out, _, code = d.run(t, "", "explain", user)
			if code != 0 || !strings.Contains(out, "method: sso\n") || !strings.Contains(out, "reason: domain_enforced\n") || !strings.Contains(out, "profile_id: "+p.ID) {
				t.Errorf("%s: exit %d\n%s", d.name, code, out)
			}
			if out, _, code = d.run(t, "", "user", "list", p.Organization.ID, "--limit", "1"); code != 0 || !strings.Contains(out, "--cursor ") {
				t.Errorf("%s: a full page does not name the next: exit %d\n%s", d.name, code, out)
			}
			if out, stderr, code := d.run(t, "", "user", "end-sessions", id); code != 0 || out != "" || stderr != "" {
				t.Errorf("%s: exit %d, %q, %q", d.name, code, out, stderr)
			}
		}
	})
}

func TestInitPrintsAnOperatorTokenOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "new.db")
	out, stderr, code := harness.Run(t, "", "init", "--database", database)
	token := strings.TrimSpace(out)
	if code != 0 || !regexp.MustCompile(`^slp_[A-Za-z0-9_-]{43}$`).MatchString(token) || strings.Contains(stderr, token) {
		t.Fatalf("exit %d, %q, %q", code, out, stderr)
	}
	out, stderr, code = harness.Run(t, "", "init", "--database", database)
	if code != 1 || out != "" || !strings.HasPrefix(stderr, "sallyport: conflict: ") {
		t.Errorf("again: exit %d, %q, %q", code, out, stderr)
	}
	for _, file := range []string{"new.db", "new.db.key"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
		if raw, _ := os.ReadFile(filepath.Join(dir, file)); strings.Contains(string(raw), token) {
			t.Errorf("the token stands in %s", file)
		}
	}
	d := door{args: []string{"--database", database}}
	tokens := harness.Items(d.object(t, "token", "list"))
	if len(tokens) != 1 || tokens[0]["scope"] != "admin" || tokens[0]["organization_id"] != nil {
		t.Errorf("the tokens are %v", tokens)
	}
	// In JSON, and with a life of its own.
	other := filepath.Join(dir, "other.db")
	o := door{args: []string{"--database", "sqlite:" + other}}.object(t, "init", "--expires", "12h")
	if slices.Sort(slices.Collect(maps.Keys(o))); !strings.HasPrefix(fmt.Sprint(o["token"]), "slp_") || o["expires_at"] == nil {
		t.Errorf("%v", o)
	}
	for _, bad := range []string{"soon", "0d", "-1h", "1w"} {
		if _, _, code := harness.Run(t, "", "init", "--database", database+"x", "--expires", bad); code != 2 {
			t.Errorf("--expires %s: exit %d", bad, code)
		}
	}
}

func TestInitWorksOnAnEmptyPostgreSQLDatabaseAndServeDoesTheRest(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		// The harness has prepared it by init; the token works, once.
		if s.OK(t, "GET", "/organizations", nil)["items"] == nil {
			t.Error("no list")
		}
		_, stderr, code := harness.Run(t, "", "init", "--database", s.Database, "--secret-key-file", s.KeyFile)
		if code != 1 || !strings.Contains(stderr, "conflict") {
			t.Errorf("exit %d, %q", code, stderr)
		}
	})
	// serve prepares an empty database itself, and tells no token.
	dir := t.TempDir()
	empty := harness.StartOn(t, harness.Options{}, "sqlite:"+filepath.Join(dir, "empty.db"), filepath.Join(dir, "empty.db.key"))
	if strings.Contains(empty.Log(), "slp_") {
		t.Errorf("the log holds a token:\n%s", empty.Log())
	}
	if a := empty.NewBrowser(t).Get(t, "/login"); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Code)
	}
	token := strings.TrimSpace(harness.Command(t, "", "init", "--database", empty.Database, "--secret-key-file", empty.KeyFile))
	empty.Token = token
	empty.OK(t, "POST", "/organizations", harness.Object{"name": "First"})
}

func TestATokenOfTheCommandLineHasItsScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		for _, d := range doors(s) {
			for _, scope := range scopes {
				out, stderr, code := d.run(t, "", "token", "create", "--org", org.ID, "--scope", scope, "--expires", "30m")
				token := strings.TrimSpace(out)
				if code != 0 || !strings.HasPrefix(token, "slp_") || strings.Count(out, "\n") != 1 || stderr != "" {
					t.Fatalf("%s: exit %d, %q, %q", d.name, code, out, stderr)
				}
				api := door{args: []string{"--server", s.Base, "--token", token}}
				if _, _, code := api.run(t, "", "org", "show", org.ID); code != 0 {
					t.Errorf("%s: a token of scope %s does not read its organization: exit %d", d.name, scope, code)
				}
				_, stderr, code = api.run(t, "", "account", "create", org.ID, "Account")
				if allowed := scope == "admin" || scope == "users"; (code == 0) != allowed || !allowed && !strings.HasPrefix(stderr, "sallyport: forbidden") {
					t.Errorf("%s: a token of scope %s creates an account: exit %d %s", d.name, scope, code, stderr)
				}
				if _, stderr, code = api.run(t, "", "org", "create", "x"); code != 1 || !strings.HasPrefix(stderr, "sallyport: forbidden") {
					t.Errorf("%s: a token of an organization creates one: exit %d %s", d.name, code, stderr)
				}
			}
			_, stderr, code := d.run(t, "", "token", "create", "--operator", "--scope", "everything")
			if code != 1 || !strings.HasPrefix(stderr, "sallyport: invalid: scope") {
				t.Errorf("%s: exit %d %s", d.name, code, stderr)
			}
		}
	})
}
