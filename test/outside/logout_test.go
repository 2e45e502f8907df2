package outside

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// withLogout makes an enforced profile whose Identity Provider has Single
// Logout.
func withLogout(t *testing.T, s *harness.Server, options harness.Object) (p *harness.Profile, email, userID string) {
	t.Helper()
	o := harness.NewOrganization(t, s)
	email = o.Address("user")
	userID = o.AddUser(t, email)
	idp := samltest.NewIdP()
	idp.EntityID, idp.SLOURL = "https://"+o.Domain+"/metadata", "https://"+o.Domain+"/slo"
	p = o.NewProfileWith(t, idp, options)
	p.Enforce(t)
	return p, email, userID
}

// enter signs in with an index of the session at the Identity Provider.
func enter(t *testing.T, b *harness.Browser, p *harness.Profile, email, index string) {
	t.Helper()
	req := b.Depart(t, email, "")
	r := p.Response(email, req.ID)
	r.Statement().SessionIndex = index
	b.Get(t, b.Deliver(t, p, r, req.RelayState).Location).Redirected(t, "/")
	b.SignedIn(t, email, "sso")
}

// redirected is the path with a message of the Identity Provider's.
func redirected(p *harness.Profile, l *samltest.Logout) string {
	return p.SLOPath() + "?" + l.Query(samltest.Detached{Key: p.IdP.Key, RelayState: "state"})
}

// posted is the form with a message of the Identity Provider's.
func posted(p *harness.Profile, l *samltest.Logout) url.Values {
	l.Signing = &samltest.Signing{Key: p.IdP.Key}
	return l.Form("state")
}

// elsewhere is a browser that holds none of our cookies, as a frame on the
// Identity Provider's page.
func elsewhere(t *testing.T, s *harness.Server) *harness.Browser { return s.NewBrowser(t) }

func TestSigningOutEndsTheSessionHereAndThenAsksTheIdentityProvider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		node := harness.Start(t, harness.Options{Like: s})
		p, user, _ := withLogout(t, s, nil)
		for status, want := range map[string]string{samltest.Success: "done", "urn:oasis:names:tc:SAML:2.0:status:Responder": "failed"} {
			b := s.NewBrowser(t)
			enter(t, b, p, user, "_1")
			old := b.Clone(t)
			a := b.Post(t, "/logout", nil)
			if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, p.IdP.SLOURL+"?SAMLRequest=") {
				t.Fatalf("%d to %q", a.Status, a.Location)
			}
			if err := samltest.VerifyRedirect(a.Location, p.Keys(t)["current"]); err != nil {
				t.Error(err)
			}
			old.SignedIn(t, "", "") // before anybody was asked
			old.On(node).SignedIn(t, "", "")
			m, err := samltest.ReadLogout(a.Location)
			if err != nil || m.NameID.Value != user || m.NameID.Format != samltest.FormatEmail || fmt.Sprint(m.SessionIndexes) != "[_1]" || m.Issuer != p.SP.EntityID {
				t.Fatalf("%+v, %v", m, err)
			}
			answer := p.IdP.LogoutResponse(p.SP, m.ID, time.Now())
			answer.Status = samltest.Status{Code: status}
			path := redirected(p, answer)
			done := b.On(node).Get(t, path) // any node takes it
			done.Redirected(t, "/signed-out?result="+want)
			if page := b.Get(t, done.Location); page.Status != http.StatusOK || !strings.Contains(page.Body, "You are signed out") {
				t.Errorf("%d %s", page.Status, page.Body)
			}
			b.Get(t, path).Refused(t, 403, "saml_request_unknown")
		}
		if events := actions(t, p.Organization); events["sign_out"] != 2 || events["sign_out.answered"] != 2 || events["sign_out.refused"] != 2 {
			t.Errorf("the log holds %v", events)
		}
	})
}

func TestSigningOutNeedsNoIdentityProvider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := withLogout(t, s, nil)
		for _, slo := range []string{"http://127.0.0.1:1/nobody", "https://unresolvable.invalid/slo?a=b", ""} {
			s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"slo_url": slo})
			p.MarkTested(t)
			b := s.NewBrowser(t)
			enter(t, b, p, user, "_1")
			old := b.Clone(t)
			a := b.Post(t, "/logout", nil)
			if slo == "" {
				a.Redirected(t, "/login")
			} else if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, slo) {
				t.Errorf("%d %s", a.Status, a.Location)
			}
			old.SignedIn(t, "", "")
		}
	})
}

func TestTheIdentityProviderEndsSessionsWithoutOurCookies(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		node := harness.Start(t, harness.Options{Like: s})
		p, user, userID := withLogout(t, s, nil)
		neighbour, theirs, _ := withLogout(t, s, nil)
		first, second, other := s.NewBrowser(t), s.NewBrowser(t), s.NewBrowser(t)
		enter(t, first, p, user, "_1")
		enter(t, second, p, user, "_2")
		enter(t, other, neighbour, theirs, "_1")

		// One session by its index, in a frame by POST.
		order := p.Order(user, "_1")
		a := elsewhere(t, s).PostForeign(t, p.SLOPath(), posted(p, order))
		if a.Status != http.StatusOK || a.Header.Get("X-Frame-Options") != "" || strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%d %v", a.Status, a.Header)
		}
		if m, err := samltest.ReadPostedLogout(a.Field(t, "SAMLResponse")); err != nil || m.InResponseTo != order.ID || m.Status != samltest.Success || a.Field(t, "RelayState") != "state" {
			t.Errorf("%+v, %v", m, err)
		}
		eventually(t, time.Second, "signed out", func() bool { return first.On(node).Identity(t) == nil })
		second.SignedIn(t, user, "sso")

		// The same order again, on any node and by any binding.
		enter(t, first, p, user, "_1")
		elsewhere(t, node).PostForeign(t, p.SLOPath(), posted(p, order)).Refused(t, 403, "saml_logout_invalid")
		order.Signing = nil
		elsewhere(t, s).Get(t, redirected(p, order)).Refused(t, 403, "saml_logout_invalid")
		first.SignedIn(t, user, "sso")

		// All of them, by a redirect at another node.
		a = elsewhere(t, node).Get(t, redirected(p, p.Order(user, "")))
		if err := samltest.VerifyRedirect(a.Location, p.Keys(t)["current"]); err != nil || !strings.HasPrefix(a.Location, p.IdP.SLOURL+"?SAMLResponse=") {
			t.Errorf("%d %s: %v", a.Status, a.Location, err)
		}
		for _, b := range []*harness.Browser{first, second} {
			b.SignedIn(t, "", "")
		}
		if n := len(s.Sessions(t, userID)); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		// A neighbour's Identity Provider ends nothing here, nor ours there.
		enter(t, first, p, user, "_1")
		for _, order := range []*samltest.Logout{p.Order(user, ""), p.Order(theirs, "")} {
			order.Issuer.Value, order.Destination = neighbour.IdP.EntityID, neighbour.SP.SLOURL
			elsewhere(t, s).Get(t, redirected(neighbour, order))
			elsewhere(t, s).Get(t, redirected(p, order)).Refused(t, 403, "saml_logout_invalid")
		}
		first.SignedIn(t, user, "sso")
		if events := actions(t, p.Organization); events["sign_out.by_idp"] != 2 {
			t.Errorf("the log holds %v", events)
		}
	})
}

func TestNoHostileMessageEndsASession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := withLogout(t, s, nil)
		b := s.NewBrowser(t)
		enter(t, b, p, user, "_session1")
		for _, attack := range samltest.LogoutAttacks() {
			query, form := attack.Message(samltest.Scene{IdP: p.IdP, SP: p.SP, RequestID: "_r", Now: time.Now()})
			var a harness.Answer
			if form == nil {
				a = elsewhere(t, s).Get(t, p.SLOPath()+"?"+query)
			} else {
				a = elsewhere(t, s).PostForeign(t, p.SLOPath(), form)
			}
			if a.Status != 403 || a.Code != string(attack.Code) || a.Header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s: %d %s", attack.Name, a.Status, a.Code)
			}
		}
		b.SignedIn(t, user, "sso")

		// Sizes.
		big := func(n int, chunked bool) harness.Answer {
			body := io.Reader(bytes.NewReader(append([]byte("SAMLRequest="), bytes.Repeat([]byte("A"), n)...)))
			if chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequest(http.MethodPost, s.Base+p.SLOPath(), body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := s.Send(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			return harness.Answer{Status: res.StatusCode, Code: res.Header.Get("Sallyport-Error")}
		}
		for _, n := range []int{1<<20/3*4 + 16, 3 << 20, 10 << 20} {
			for _, chunked := range []bool{false, true} {
				if a := big(n, chunked); a.Status != 413 || a.Code != "saml_too_large" {
					t.Errorf("%d octets: %d %s", n, a.Status, a.Code)
				}
			}
		}
		if a := elsewhere(t, s).Get(t, p.SLOPath()+"?SAMLRequest="+strings.Repeat("A", 20_000)); a.Status != 403 || a.Code != "saml_logout_invalid" {
			t.Errorf("%d %s", a.Status, a.Code)
		}
		if a := elsewhere(t, s).Get(t, p.SLOPath()+"?SAMLRequest="+strings.Repeat("A", 100_000)); a.Status != 431 && a.Status != 414 {
			t.Errorf("a query of 100 kB: %d %s", a.Status, a.Code)
		}
		b.SignedIn(t, user, "sso")
	})
}

func TestARotatedKeyCountsOnEveryNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		node := harness.Start(t, harness.Options{Like: s})
		p, user, _ := withLogout(t, s, harness.Object{"sign_requests": true, "offer_encryption": true})
		signedBy := func(s *harness.Server, c *x509.Certificate) bool {
			return samltest.VerifyRedirect(s.NewBrowser(t).Post(t, "/login", url.Values{"email": {user}}).Location, c) == nil
		}
		shown := func(c *x509.Certificate, use string) bool {
			doc := s.NewBrowser(t).Get(t, strings.TrimPrefix(p.SP.EntityID, s.Base)).Body
			for _, part := range strings.Split(doc, "<md:KeyDescriptor ")[1:] {
				if strings.HasPrefix(part, `use="`+use+`"`) && strings.Contains(part, encoded(c)) {
					return true
				}
			}
			return false
		}
		old := p.Keys(t)["current"]
		if !signedBy(s, old) || !signedBy(node, old) || !shown(old, "signing") || !shown(old, "encryption") {
			t.Error("requests are not signed by the first key, or it is not shown")
		}
		s.OK(t, "POST", "/sso-profiles/"+p.ID+"/keys", harness.Object{"delay": "12h"})
		next := p.Keys(t)["next"]
		if !signedBy(node, old) || !shown(old, "signing") || !shown(next, "signing") || !shown(next, "encryption") {
			t.Error("the new key is used at once, or not shown")
		}
		s.Refused(t, 409, "conflict", "POST", "/sso-profiles/"+p.ID+"/keys", harness.Object{})

		q := p.NewProfile(t, harness.Object{"sign_requests": true})
		before := q.Keys(t)["current"]
		start := func(s *harness.Server) string { return s.NewBrowser(t).Get(t, "/saml/"+q.ID+"/start").Location }
		if err := samltest.VerifyRedirect(start(node), before); err != nil {
			t.Error(err)
		}
		s.OK(t, "POST", "/sso-profiles/"+q.ID+"/keys", harness.Object{"delay": "0"})
		after := q.Keys(t)["current"]
		for _, one := range []*harness.Server{s, node} {
			if err := samltest.VerifyRedirect(start(one), after); err != nil || after.Equal(before) {
				t.Errorf("not the new key: %v", err)
			}
		}
		// What is encrypted to any of them is read by every node.
		for _, c := range []*x509.Certificate{old, next} {
			for _, one := range []*harness.Server{s, node} {
				b := one.NewBrowser(t)
				req := b.Depart(t, user, "")
				r := p.Response(user, req.ID)
				r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Name: "ours", Certificate: c}}}
				b.Get(t, b.Deliver(t, p, r, req.RelayState).Location).Redirected(t, "/")
				b.SignedIn(t, user, "sso")
			}
		}
		s.RefusedAs(t, p.NewToken(t, "read"), 403, "forbidden", "POST", "/sso-profiles/"+p.ID+"/keys", harness.Object{})
		s.RefusedAs(t, p.NewToken(t, "admin"), 403, "forbidden", "POST", "/keys/reseal", nil)
		s.RefusedAs(t, harness.NewOrganization(t, s).NewToken(t, "admin"), 404, "not_found", "GET", "/sso-profiles/"+p.ID+"/keys", nil)
	})
}

// encoded is a certificate as metadata has it.
func encoded(c *x509.Certificate) string {
	text := strings.Join(strings.Split(harness.PEM(&samltest.Key{Certificate: c}), "\n"), "")
	return strings.TrimSuffix(strings.TrimPrefix(text, "-----BEGIN CERTIFICATE-----"), "-----END CERTIFICATE-----")
}
