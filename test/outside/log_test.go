package outside

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// Words that must not come into a log. Each is somebody's, or a secret.
const (
	plantedLocal    = "plantedlocal"    // of addresses
	plantedName     = "Planted Surname" // of a person
	plantedPassword = "planted quiet fjord"
	plantedGroup    = "planted-attribute-value"
)

// A journey is a run of a server with all that was said in it and must not
// stand in its log.
type journey struct {
	*harness.Server
	p          *harness.Profile
	user       string
	secrets    map[string]string // value to what it is
	references map[string]string // to the code that was answered with it
}

func (j *journey) secret(what string, values ...string) {
	for _, v := range values {
		if len(v) > 3 {
			j.secrets[v] = what
		}
	}
}

// saw notes the reference of an answer, if it has one, and what it gives to the
// browser.
func (j *journey) saw(b *harness.Browser, a harness.Answer) harness.Answer {
	if a.Reference != "" {
		j.references[a.Reference] = a.Code
	}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if len(c.Value) > 12 {
			j.secret("the cookie "+c.Name, c.Value)
		}
	}
	if _, ticket, ok := strings.Cut(a.Location, "ticket="); ok {
		j.secret("a ticket", ticket)
	}
	return a
}

// respond posts a response that was edited to the profile's ACS.
func (j *journey) respond(t *testing.T, b *harness.Browser, edit func(*samltest.Response)) harness.Answer {
	t.Helper()
	req := b.Depart(t, j.user, "/account/security?"+planted+"=1")
	r := j.p.Response(j.user, req.ID)
	r.Assertion.Attributes = []samltest.Attribute{{Name: "groups", Values: []string{plantedGroup}}}
	edit(r)
	encoded := r.Encode()
	j.secret("a request's id", req.ID)
	j.secret("a response", encoded, r.Assertion.ID)
	a := j.saw(b, b.DeliverEncoded(t, j.p, encoded, req.RelayState))
	if a.Status == http.StatusSeeOther {
		a = j.saw(b, b.Get(t, a.Location))
	}
	return a
}

func (j *journey) signIns(t *testing.T) {
	t.Helper()
	b := j.NewBrowser(t)
	j.respond(t, b, func(*samltest.Response) {}).Redirected(t, "/account/security?"+planted+"=1")
	b.SignedIn(t, j.user, "sso")
	j.saw(b, b.Post(t, "/logout", nil))
	for _, edit := range []func(*samltest.Response){
		func(r *samltest.Response) { r.Assertion.NameID.Value = plantedLocal + "-unknown@" + j.p.Domain },
		func(r *samltest.Response) { r.Assertion.NameID.Value = plantedLocal + "@elsewhere.test" },
		func(r *samltest.Response) { r.Assertion.NameID.Value = plantedName },
		func(r *samltest.Response) {
			r.Assertion.Conditions.Audiences = [][]string{{"https://" + planted + ".example/"}}
		},
		func(r *samltest.Response) { r.Issuer.Value = "https://" + planted + ".example/" },
		func(r *samltest.Response) { r.Destination = "https://" + planted + ".example/" },
		func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil },
		func(r *samltest.Response) {
			r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder", Message: planted}
		},
	} {
		if a := j.respond(t, b, edit); a.Status != http.StatusForbidden {
			t.Errorf("%d %s", a.Status, a.Code)
		}
	}
	for _, broken := range []string{"", planted, "<" + planted + ">", strings.Repeat(planted, 100_000)} {
		j.saw(b, b.DeliverEncoded(t, j.p, broken, planted))
	}
	for kind, body := range map[string]string{"application/x-www-form-urlencoded": "SAMLResponse=%zz" + planted + ";" + planted + "=1", "multipart/" + planted: planted, planted: planted} {
		req, err := http.NewRequest("POST", j.Base+j.p.ACSPath(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		res, err := j.Send(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		j.references[res.Header.Get("Sallyport-Reference")] = res.Header.Get("Sallyport-Error")
	}
	independent := plantedLocal + "@nowhere.test"
	j.NewIndependentUser(t, independent)
	j.saw(b, b.Password(t, j.user, harness.Password).Refused(t, 403, "sso_required"))
	j.saw(b, b.Password(t, independent, plantedPassword).Refused(t, 401, "credentials_invalid"))
	j.saw(b, b.Password(t, plantedPassword, plantedLocal)) // each in the other's field
	j.saw(b, b.Password(t, independent, harness.Password)).Redirected(t, "/")
	j.saw(b, b.Post(t, "/account/password", url.Values{"current_password": {plantedPassword}, "password": {newPassword}, "password_confirm": {newPassword}}))
	j.saw(b, b.Post(t, "/login/recovery", url.Values{"email": {independent}, "code": {"PLAN-TEDC-ODEX"}}))
	j.saw(b, b.Post(t, "/login", url.Values{"email": {plantedLocal}, "return_to": {"//" + planted}}))
	j.saw(b, b.Get(t, "/"+planted+"/"+plantedLocal+"@x.test?token="+planted))
	j.saw(b, b.Send(t, strings.ToUpper(planted), "/login?"+planted, nil, http.Header{"User-Agent": {planted}, "Cookie": {"sallyport_session=" + planted}}))
	j.saw(b, b.Get(t, "/reset/"+planted))
	order := j.p.Order(j.user, "")
	j.saw(b, b.PostForeign(t, j.p.SLOPath(), order.Form(planted)))
}

// administration is what an owner does at the pages, and the operator at the
// API.
func (j *journey) administration(t *testing.T, sink *testenv.SMTPServer) {
	t.Helper()
	org, owner := j.p.Organization, j.p.Address(plantedLocal+"-owner")
	ownerID := org.AddUser(t, owner)
	j.OK(t, "PATCH", "/users/"+ownerID, harness.Object{"role": "owner", "name": plantedName, "sso": harness.Object{"setting": "disabled"}})
	b := j.NewBrowser(t)
	j.saw(b, b.Password(t, owner, harness.Password)).Redirected(t, "/")
	home := "/admin/" + org.ID
	for _, path := range []string{"", "/users?q=" + plantedLocal, "/audit?actor=" + plantedLocal, "/domains", "/sso", "/sso/" + j.p.ID, "/settings", "/" + planted, "/users/" + ownerID} {
		j.saw(b, b.Get(t, home+path))
	}
	j.saw(b, b.Post(t, home+"/users/"+ownerID+"/name", url.Values{"name": {plantedName + " " + planted}}))
	j.saw(b, b.Post(t, home+"/users/new", url.Values{"email": {plantedLocal + "-new@" + org.Domain}, "name": {plantedName}}))
	j.saw(b, b.Post(t, home+"/users/new", url.Values{"email": {plantedLocal}, "name": {plantedName}, "role": {planted}}))
	j.saw(b, b.Post(t, home+"/domains/new", url.Values{"name": {planted + ".localhost"}}))

	token := org.NewToken(t, "admin")
	j.secret("a token", token)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"POST", "/organizations/" + org.ID + "/users", harness.Object{"email": plantedLocal, "name": plantedName}},
		{"POST", "/organizations/" + org.ID + "/users", `{"email":"` + planted},
		{"PATCH", "/users/" + ownerID, harness.Object{"name": strings.Repeat(plantedName, 100)}},
		{"GET", "/" + planted + "?" + planted, nil},
		{"GET", "/organizations/" + org.ID + "/users?q=" + plantedLocal + "&status=" + planted, nil},
		{"GET", "/explain?email=" + plantedLocal + "@" + org.Domain, nil},
		{"POST", "/organizations/" + org.ID + "/sso-profiles", harness.Object{"name": plantedName, "metadata_xml": "<x>" + planted + "</x>"}},
		{"POST", "/organizations/" + org.ID + "/domains", harness.Object{"name": planted}},
	} {
		_, header, _ := j.Call(t, token, c.method, c.path, c.body)
		if r := header.Get("Sallyport-Reference"); r != "" {
			j.references[r] = header.Get("Sallyport-Error")
		}
	}
	_, header, _ := j.Call(t, "slp_"+planted, "GET", "/organizations", nil)
	j.references[header.Get("Sallyport-Reference")] = header.Get("Sallyport-Error")
	j.Upload(t, "/organizations/"+org.ID+"/imports", "email,name,role\n"+plantedLocal+"-row@"+org.Domain+","+plantedName+",member\n"+plantedLocal+",x,"+planted+"\n")

	// Mail: sent, refused in words that repeat the address, links used.
	sink.Fail(testenv.SMTPFaults{Refuse: map[string]string{
		plantedLocal + "-bounced@" + org.Domain: "550 5.1.1 <" + plantedLocal + "-bounced@" + org.Domain + "> is unknown here",
		plantedLocal + "-later@" + org.Domain:   "451 4.7.1 " + plantedLocal + "-later@" + org.Domain + " is greylisted",
	}})
	for _, local := range []string{"-bounced", "-later", "-invited"} {
		org.Invite(t, plantedLocal+local+"@"+org.Domain)
	}
	link := j.Path(t, delivered(t, sink, plantedLocal+"-invited@"+org.Domain).Link(t))
	j.secret("a link", link[strings.LastIndex(link, "/")+1:])
	j.saw(b, j.NewBrowser(t).Get(t, link))
	j.saw(b, j.NewBrowser(t).Post(t, link, passwords("short")))
	j.saw(b, j.NewBrowser(t).Post(t, link, passwords(plantedPassword)))
	j.saw(b, j.NewBrowser(t).Get(t, link))
	eventually(t, 20*time.Second, "both mails were refused", func() bool {
		return strings.Contains(j.Log(), "mail given up") && strings.Contains(j.Log(), "mail postponed")
	})
}

// connections are tests of the connection, a setup link, and metadata by URL.
func (j *journey) connections(t *testing.T) {
	t.Helper()
	for _, edit := range []func(*samltest.Response){
		func(r *samltest.Response) {},
		func(r *samltest.Response) { r.Assertion.NameID.Value = plantedName },
		func(r *samltest.Response) {
			r.Assertion.Conditions.Audiences = [][]string{{"https://" + planted + ".example/"}}
		},
	} {
		_, start := j.p.NewTest(t)
		j.secret("a test's link", start[strings.LastIndex(start, "/")+1:])
		b := j.NewBrowser(t)
		req := b.Get(t, start).Request(t)
		r := j.p.Response(j.user, req.ID)
		edit(r)
		a := j.saw(b, b.Deliver(t, j.p, r, req.RelayState))
		a = j.saw(b, b.Get(t, a.Location))
		j.saw(b, b.Get(t, a.Location))
	}
	setup, _ := j.OK(t, "POST", "/sso-profiles/"+j.p.ID+"/setup-links", harness.Object{})["url"].(string)
	path := j.Path(t, setup)
	j.secret("a setup link", path[strings.LastIndex(path, "/")+1:])
	b := j.NewBrowser(t)
	j.saw(b, b.Get(t, path))
	j.saw(b, b.Post(t, path, nil))
	j.saw(b, j.NewBrowser(t).Post(t, path, nil))

	site := publish(t, string(j.p.IdP.Metadata()))
	for _, document := range []string{string(j.p.IdP.Metadata()), "<" + planted + "/>", planted} {
		site.document.Store(document)
		_, header, _ := j.Call(t, j.Token, "POST", "/organizations/"+j.p.Organization.ID+"/sso-profiles",
			harness.Object{"name": "Fetched", "metadata_url": site.URL + "/" + planted + "?key=" + planted})
		if r := header.Get("Sallyport-Reference"); r != "" {
			j.references[r] = header.Get("Sallyport-Error")
		}
	}
	site.Close() // followed by the background from now on: it fails there, too
	j.Exec(t, "update sso_metadata set next_at = 0")
	j.DueNow(t)
}

// TestALogHasEveryReferenceAndNothingOfAnybody: at the most verbose level, over
// sign-ins, administration, mail, tests and metadata.
func TestALogHasEveryReferenceAndNothingOfAnybody(t *testing.T) {
	t.Parallel()
	for engine, format := range map[string]string{"sqlite": "text", "postgres": "json"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			files := testenv.TLSCertificate(t, "127.0.0.1")
			sink := testenv.StartSMTP(t, testenv.SMTPConfig{TLS: files, User: "planteduser", Password: "plantedsmtppassword"})
			collector := testenv.StartCollector(t)
			s := harness.Start(t, harness.Options{Engine: engine,
				Args: []string{"--log-level", "debug", "--log-format", format, "--outbound-allow", "127.0.0.0/8",
					"--mail", "smtp://planteduser:plantedsmtppassword@" + sink.Address},
				Env: []string{"SSL_CERT_FILE=" + files.CAFile, "OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=authorization=plantedheader"}})
			org := harness.NewOrganization(t, s)
			user := org.Address(plantedLocal)
			userID := org.AddUser(t, user)
			s.OK(t, "PATCH", "/users/"+userID, harness.Object{"name": plantedName})
			p := org.NewProfile(t, nil)
			p.Enforce(t)
			key, err := os.ReadFile(s.KeyFile)
			if err != nil {
				t.Fatal(err)
			}
			j := &journey{Server: s, p: p, user: user, secrets: map[string]string{
				plantedLocal: "an address", "Planted": "a name", "planted": "what was planted", strings.ToUpper(planted): "a method", "PLAN-TEDC": "a recovery code",
				harness.Password: "a password", newPassword: "a password", s.Token: "the operator's token", strings.TrimSpace(string(key)): "the key ring",
				"@" + org.Domain: "an address", "Go-http-client": "a User-Agent",
			}, references: map[string]string{}}
			j.signIns(t)
			j.administration(t, sink)
			j.connections(t)
			s.Stop()
			j.judge(t)
		})
	}
}

// judge looks through the whole log.
func (j *journey) judge(t *testing.T) {
	t.Helper()
	log := j.Log()
	if n := strings.Count(log, "\n"); n < 80 {
		t.Fatalf("the log has %d lines", n)
	}
	delete(j.references, "")
	if len(j.references) < 25 {
		t.Errorf("only %d refusals", len(j.references))
	}
	for reference, code := range j.references {
		found := false
		for line := range strings.Lines(log) {
			if strings.Contains(line, reference) && strings.Contains(line, code) {
				found = true
				if !strings.Contains(line, "trace_id") && strings.Contains(line, "request") && !strings.Contains(line, "message") {
					t.Errorf("without its trace: %s", line)
				}
			}
		}
		if !found {
			t.Errorf("the log does not have the reference %s of %s", reference, code)
		}
	}
	if len(j.secrets) < 40 {
		t.Errorf("only %d secrets", len(j.secrets))
	}
	for value, what := range j.secrets {
		if at := strings.Index(log, value); at >= 0 {
			t.Errorf("the log has %s: %q in …%s…", what, value, log[max(0, at-200):min(len(log), at+len(value)+100)])
		}
	}
}
