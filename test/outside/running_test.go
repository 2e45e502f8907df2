package outside

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// fetch gets a page of the admin listener.
func fetch(t *testing.T, address string) (status int, body string) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

func TestMetricsHaveTheNamesOfTheContractAndNoNamesOfPeople(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		s.Restart(t) // what is measured from time to time is measured at the start
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		s.NewBrowser(t).Password(t, user, harness.Password).Refused(t, 403, "sso_required")
		b.Get(t, "/"+planted+"?"+planted+"="+planted)
		b.Send(t, strings.ToUpper(planted), "/login", nil, nil)
		s.Refused(t, 404, "not_found", "GET", "/"+planted, nil)
		expiry := `sallyport_idp_certificate_expiry_seconds{profile="` + p.ID + `"} `
		status, text := fetch(t, s.Admin+"/metrics")
		for end := time.Now().Add(10 * time.Second); status == http.StatusOK && !strings.Contains(text, expiry) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			status, text = fetch(t, s.Admin+"/metrics")
		}
		if status != http.StatusOK {
			t.Fatalf("%d", status)
		}
		for _, line := range []string{
			`sallyport_sign_ins_total{code="",method="sso",outcome="succeeded"} 1`,
			`sallyport_sign_ins_total{code="sso_required",method="password",outcome="refused"} 1`,
			`sallyport_saml_validation_seconds_count 1`,
			`sallyport_http_request_duration_seconds_count{method="POST",route="/login",status="303"} 1`,
			`sallyport_http_request_duration_seconds_count{method="POST",route="/saml/{profile}/acs",status="303"} 1`,
			`sallyport_sessions_active `, expiry, `sallyport_db_updates_total `, `sallyport_db_commits_total `,
			`go_goroutines `, `process_resident_memory_bytes `,
		} {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("no metric %s", line)
			}
		}
		for _, word := range []string{planted, strings.ToUpper(planted), user, p.Domain} {
			if strings.Contains(text, word) {
				t.Errorf("the metrics hold %s", word)
			}
		}
	})
}

func TestTheAdminListenerTellsOfHealthAndServesNothingElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/debug/pprof/": 404, "/login": 404, "/api/v1/organizations": 404, "/": 404} {
			if status, _ := fetch(t, s.Admin+path); status != want {
				t.Errorf("%s: %d, not %d", path, status, want)
			}
		}
		b := s.NewBrowser(t)
		for _, path := range []string{"/metrics", "/readyz", "/healthz", "/debug/pprof/"} {
			if a := b.Get(t, path); a.Status != 404 {
				t.Errorf("%s on the public listener: %d", path, a.Status)
			}
		}
	})
}

func TestANodeWithoutItsDatabaseIsAliveNotReadyAndRecovers(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Engine: "postgres"})
	p, user, _ := harness.Enforced(t, s, nil)
	b := s.NewBrowser(t)
	b.SSO(t, p, user, "").Redirected(t, "/")
	conn, err := pgx.Connect(t.Context(), testenv.PostgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	u, err := url.Parse(s.Database)
	if err != nil {
		t.Fatal(err)
	}
	name := path.Base(u.Path)
	reachable := func(is bool) {
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("alter database %s allow_connections %v", name, is)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name); err != nil {
			t.Fatal(err)
		}
	}
	reachable(false)
	eventually(t, 5*time.Second, "not ready", func() bool { status, _ := fetch(t, s.Admin+"/readyz"); return status == 503 })
	if status, _ := fetch(t, s.Admin+"/healthz"); status != 200 {
		t.Errorf("not alive: %d", status)
	}
	for name, a := range map[string]harness.Answer{
		"a session":     b.Get(t, "/account/security"),
		"the login":     s.NewBrowser(t).Post(t, "/login", url.Values{"email": {user}}),
		"a password":    s.NewBrowser(t).Password(t, user, harness.Password),
		"the ACS":       s.NewBrowser(t).Deliver(t, p, p.Response(user, ""), ""),
		"a ticket":      s.NewBrowser(t).Get(t, "/login/finish?ticket=x"),
		"who signed in": b.Get(t, "/session"),
	} {
		if a.Status != 503 || a.Code != "overloaded" || strings.Contains(a.Body, "postgres") || strings.Contains(a.Body, name) && strings.Contains(a.Body, "SQLSTATE") {
			t.Errorf("%s without a database: %d %s\n%.500s", name, a.Status, a.Code, a.Body)
		}
	}
	reachable(true)
	eventually(t, 10*time.Second, "ready", func() bool { status, _ := fetch(t, s.Admin+"/readyz"); return status == 200 })
	b.SignedIn(t, user, "sso")
	s.NewBrowser(t).SSO(t, p, user, "").Redirected(t, "/")
}

func TestARequestUnderWayIsFinishedBeforeTheServerEnds(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		body := url.Values{"email": {user}, "password": {harness.Password}}.Encode()
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /login/password HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
			s.Address(), s.Base, len(body))
		answers := bufio.NewReader(conn)
		// The server asks for the body once it is at work.
		if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
			t.Fatalf("%q, %v", line, err)
		}
		answers.ReadString('\n')
		fmt.Fprint(conn, body[:len(body)/2])
		s.Signal(t, syscall.SIGTERM)
		eventually(t, 5*time.Second, "closed to others", func() bool {
			other, err := net.Dial("tcp", s.Address())
			if err == nil {
				other.Close()
			}
			return err != nil
		})
		select {
		case <-s.Done():
			t.Fatal("the server ended with a request under way")
		default:
		}
		fmt.Fprint(conn, body[len(body)/2:])
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) == 0 {
			t.Errorf("the request was answered %d %v", res.StatusCode, res.Header)
		}
		select {
		case <-s.Done():
			if s.ExitCode() != 0 {
				t.Errorf("exit %d:\n%s", s.ExitCode(), s.LogTail(5))
			}
		case <-time.After(10 * time.Second):
			t.Error("the server did not end")
		}
		// Its work was kept.
		s.Restart(t)
		if n := s.Count(t, "select count(*) from sessions where user_id in (select id from users where email = $1)", user); n != 1 {
			t.Errorf("%d sessions, not 1", n)
		}
	})
}

func TestSessionsAndFlowsOutliveARestart(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		in, under, back := s.NewBrowser(t), s.NewBrowser(t), s.NewBrowser(t)
		in.SSO(t, p, user, "").Redirected(t, "/")
		req := under.Depart(t, user, "/account/security")
		used := p.Response(user, back.Depart(t, user, "").ID)
		ticket := back.Deliver(t, p, used, "").Location
		s.Kill() // as a power failure would
		s.Restart(t)
		in.SignedIn(t, user, "sso")
		back.Get(t, ticket).Redirected(t, "/")
		under.Get(t, under.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location).Redirected(t, "/account/security")
		// What was used stays used.
		under.Deliver(t, p, used, "").Refused(t, 403, "saml_replayed")
	})
}

func TestLogsHoldNoSecretsAndNoPeople(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		alone(t, harness.Options{Args: []string{"--log-level", "debug", "--log-format", format, "--trusted-proxies", "127.0.0.0/8"}}, func(t *testing.T, s *harness.Server) {
			p, user, id := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
			exempt, invited := p.Address("exempt-"+planted), p.Address("invited")
			setSSO(t, s, p.AddUser(t, exempt), "disabled", "")
			p.Invite(t, invited)
			secrets := []string{planted, harness.Password, url.QueryEscape(harness.Password), s.Token, s.Token[4:], user, exempt, invited, p.Domain, newPassword}
			keep := func(a harness.Answer) harness.Answer {
				for _, c := range (&http.Response{Header: a.Header}).Cookies() {
					if len(c.Value) > 15 {
						secrets = append(secrets, c.Value)
					}
				}
				if _, ticket, ok := strings.Cut(a.Location, "ticket="); ok {
					secrets = append(secrets, ticket)
				}
				return a
			}
			b := s.NewBrowser(t)
			// Good sign-ins of every kind.
			req := keep(b.Post(t, "/login", url.Values{"email": {user}, "return_to": {"/account/" + planted}})).Request(t)
			r := p.Response(user, req.ID)
			secrets = append(secrets, r.Encode(), r.Encode()[:60], req.RelayState, r.Assertion.ID)
			a := keep(b.Deliver(t, p, r, req.RelayState))
			keep(b.Get(t, a.Location))
			keep(b.Post(t, "/logout", nil))
			keep(b.Password(t, exempt, harness.Password))
			a = b.SSO(t, p, invited, "")
			keep(a)
			a = s.NewBrowser(t).SSO(t, p, invited, "")
			secrets = append(secrets, a.Field(t, "page"))
			keep(setInitial(t, b, a.Field(t, "page"), newPassword))
			// And bad ones, with secrets in every place.
			secretly := "/" + planted + "?password=" + planted
			for _, bad := range []func(){
				func() { b.Password(t, planted+"@nowhere.test", planted) },
				func() { b.Password(t, harness.Password, harness.Password) }, // into the wrong field
				func() { b.Password(t, user, harness.Password) },
				func() { b.Post(t, "/login", url.Values{"email": {planted}, "return_to": {"//" + planted}}) },
				func() { b.Get(t, secretly) },
				func() { b.Get(t, "/login/finish?ticket="+planted) },
				func() { b.Get(t, "/account/sessions/"+planted) },
				func() { b.Post(t, "/login/continue", url.Values{"page": {planted}, "answer": {"yes"}}) },
				func() {
					b.PostForeign(t, p.ACSPath(), url.Values{"SAMLResponse": {planted}, "RelayState": {planted}})
				},
				func() {
					vouchWith(t, s.NewBrowser(t), p, func(r *samltest.Response) {
						r.Assertion.NameID.Value, r.Status.Message = planted+"@"+p.Domain, planted
						r.Assertion.Attributes = []samltest.Attribute{{Name: planted, Values: []string{planted}}}
					})
				},
				func() {
					vouchWith(t, s.NewBrowser(t), p, func(r *samltest.Response) { r.Assertion.Issuer.Value = planted })
				},
				func() {
					b.Send(t, "POST", p.ACSPath(), nil, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {planted}, "X-Forwarded-For": {planted}, "Referer": {planted}, "Cookie": {planted + "=" + planted}})
				},
				func() { s.CallAs(t, "application/json", "POST", "/organizations", `{"`+planted+`":"`+planted+`"`) },
				func() { s.CallAs(t, "application/json", "POST", "/organizations", `{"name":"`+planted+`"}`) },
				func() { s.CallAs(t, planted, "POST", "/organizations", planted) },
				func() { s.Call(t, "slp_"+planted, "GET", "/organizations/"+planted, nil) },
				func() { s.Call(t, s.Token, "GET", "/explain?email="+planted+"@"+p.Domain, nil) },
				func() { s.Call(t, s.Token, "PATCH", "/users/"+id, harness.Object{"name": planted}) },
				func() {
					s.Call(t, s.Token, "POST", "/organizations/"+p.Organization.ID+"/users", harness.Object{"email": p.Address("weak"), "password": planted})
				},
				func() { change(t, b, planted, planted) },
				func() { raw(t, s, "GET /"+planted+" HTTP/1.1\r\nHost: x\r\n"+planted+"\r\n\r\n") },
				func() { raw(t, s, planted+"\r\n\r\n") },
				func() {
					raw(t, s, "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 40\r\n\r\nemail=%zz&password="+planted)
				},
			} {
				bad()
			}
			token := p.NewToken(t, "admin")
			secrets = append(secrets, token)
			// SQLite's text stays in the database, even where a statement fails.
			b.Post(t, "/account/sessions/%00"+planted+"/end", nil)
			s.Stop()
			log := s.Log()
			if strings.Count(log, "\n") < 40 {
				t.Fatalf("this is no log at debug level:\n%s", log)
			}
			for _, secret := range secrets {
				if secret != "" && strings.Contains(log, secret) {
					for line := range strings.Lines(log) {
						if strings.Contains(line, secret) {
							t.Errorf("the log holds %q: %s", secret, line)
							break
						}
					}
				}
			}
		})
	}
}

// raw sends octets that need not be a request, and waits for what comes back.
func raw(t *testing.T, s *harness.Server, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	io.WriteString(conn, text)
	io.Copy(io.Discard, conn)
}

func TestForwardedAddressesCountFromTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	trusting := []string{"--trusted-proxies", "127.0.0.0/8,10.0.0.0/8"}
	for name, c := range map[string]struct {
		args []string
		want map[string]string // by X-Forwarded-For
	}{
		"none trusted":   {nil, map[string]string{"": "127.0.0.1", "203.0.113.7": "127.0.0.1", "10.0.0.1": "127.0.0.1"}},
		"others trusted": {[]string{"--trusted-proxies", "10.0.0.0/8"}, map[string]string{"203.0.113.7": "127.0.0.1"}},
		"trusted": {trusting, map[string]string{"": "127.0.0.1", "203.0.113.7": "203.0.113.7", "198.51.100.1, 203.0.113.7": "203.0.113.7", "203.0.113.7, 10.1.2.3": "203.0.113.7",
			"6.6.6.6, 203.0.113.7, 10.1.2.3, 10.9.9.9": "203.0.113.7", "nonsense": "127.0.0.1", "203.0.113.7, nonsense": "127.0.0.1", "nonsense, 203.0.113.7": "203.0.113.7",
			"2001:db8::7": "2001:db8::7", "::ffff:203.0.113.7": "203.0.113.7", "fe80::1%eth0": "fe80::1", "10.1.2.3": "10.1.2.3", "203.0.113.7:1234": "127.0.0.1", " 203.0.113.7 ": "203.0.113.7"}},
	} {
		s := harness.Start(t, harness.Options{Args: c.args})
		p, user, _ := harness.Enforced(t, s, nil)
		for forwarded, want := range c.want {
			header := http.Header{"Origin": {s.Base}}
			if forwarded != "" {
				header["X-Forwarded-For"] = []string{forwarded}
			}
			a := s.NewBrowser(t).Send(t, "POST", "/login/password", url.Values{"email": {user}, "password": {harness.Password}}, header)
			event := p.Recorded(t, a.Refused(t, 403, "sso_required"))
			if got := harness.At(event, "actor", "address"); got != want {
				t.Errorf("%s: %q is recorded as %v, not %s", name, forwarded, got, want)
			}
		}
		// For programs as well.
		req, err := http.NewRequest("PATCH", s.Base+"/api/v1/organizations/"+p.Organization.ID, strings.NewReader(`{"name":"Renamed"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer " + s.Token}, "Content-Type": {"application/json"}, "X-Forwarded-For": {"203.0.113.9"}}
		res, err := s.Send(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		want := "127.0.0.1"
		if name == "trusted" {
			want = "203.0.113.9"
		}
		if got := harness.At(event(t, p.Organization, "organization.updated"), "actor", "address"); got != want {
			t.Errorf("%s: a program is recorded as %v, not %s", name, got, want)
		}
	}
}

func TestWhatGuardsAgainstReplayIsKeptForADayMore(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "refuse"})
		b := s.NewBrowser(t)
		used, unused := b.Depart(t, user, ""), b.Depart(t, user, "")
		first := p.Response(user, used.ID)
		b.Get(t, b.Deliver(t, p, first, "").Location).Redirected(t, "/")
		for _, c := range []struct {
			age          time.Duration
			used, unused string
		}{
			{24*time.Hour + 25*time.Minute, "saml_replayed", "saml_request_expired"},
			{24*time.Hour + 31*time.Minute, "saml_request_unknown", "saml_request_unknown"},
		} {
			s.Exec(t, "update sso_requests set created_at = $1", time.Now().Add(-c.age))
			s.DueNow(t)
			var left int64 = 2
			if c.used == "saml_request_unknown" {
				left = 0
			}
			eventually(t, 5*time.Second, "purged", func() bool { return s.Count(t, "select count(*) from sso_requests") == left })
			b.Deliver(t, p, p.Response(user, used.ID), "").Refused(t, 403, c.used)
			b.Deliver(t, p, p.Response(user, unused.ID), "").Refused(t, 403, c.unused)
		}
		// The assertion is remembered beyond its last instant, by the tolerance and an hour.
		end, err := time.Parse(time.RFC3339, first.Assertion.Conditions.NotOnOrAfter)
		if err != nil {
			t.Fatal(err)
		}
		end = end.Add(3*time.Minute + time.Hour)
		if n := s.Count(t, "select count(*) from sso_assertions where assertion_id = $1 and forget_at >= $2 and forget_at <= $3", first.Assertion.ID, end, end.Add(time.Minute)); n != 1 {
			t.Error("the assertion is not remembered until then")
		}
		s.Exec(t, "update sso_assertions set forget_at = $1", time.Now().Add(time.Hour))
		s.Restart(t)
		if n := s.Count(t, "select count(*) from sso_assertions"); n != 1 {
			t.Errorf("%d assertions are remembered, not 1", n)
		}
	})
}
